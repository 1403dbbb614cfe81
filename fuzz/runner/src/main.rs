//! libFuzzer around one target, which `OUTCROP_FUZZ` names. `cargo xtask fuzz` builds and runs it.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<fuzz::Target> = LazyLock::new(|| {
    let name = std::env::var("OUTCROP_FUZZ").unwrap_or_default();
    fuzz::target(&name).expect("OUTCROP_FUZZ names a target")
});

fuzz_target!(|input: &[u8]| (TARGET.run)(input));
