//! Configurations in any format.

use outcrop_config::{Config, Origin, Secrets, Source, has_errors, load, print};

/// What is right is printed as what it was; nothing that is wrong is more than told.
pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (config, diagnostics) = read(text);
    let printed = print(&config, Secrets::Shown);
    if has_errors(&diagnostics) {
        return;
    }
    let (again, diagnostics) = read(&printed);
    assert!(!has_errors(&diagnostics), "{diagnostics:#?}\n{printed}");
    assert_eq!(placeless(again), placeless(config), "{printed}");
}

fn read(text: &str) -> (Config, Vec<outcrop_config::Diagnostic>) {
    load(&[Source { name: "it", text }], &|name: &str| (name.len() < 5).then(|| name.to_owned()))
}

/// Without the places, which say where a thing was written.
fn placeless(mut config: Config) -> Config {
    let origins = config.backends.values_mut().map(|backend| &mut backend.origin);
    let origins = origins.chain(config.names.iter_mut().map(|name| &mut name.origin));
    let origins = origins.chain(config.routes.iter_mut().map(|route| &mut route.origin));
    let origins = origins.chain(config.admission.keys.iter_mut().map(|key| &mut key.origin));
    let origins = origins.chain(config.admission.issuers.iter_mut().map(|one| &mut one.origin));
    let origins = origins.chain(config.limits.iter_mut().map(|limit| &mut limit.origin));
    origins.for_each(|origin| *origin = Origin::default());
    config
}
