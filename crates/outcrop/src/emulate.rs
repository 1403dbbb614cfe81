//! `outcrop emulate`

use std::sync::Arc;

use anyhow::Context;
use outcrop_emulator::{Access, Cassette, Config, Emulator, Engine, EngineKind, Script, Tls};

use crate::access_log;
use crate::cli::EmulateArgs;
use crate::print::print_line;
use crate::stop::Stop;

pub async fn run(args: EmulateArgs) -> anyhow::Result<()> {
    access_log::start(args.log_format, "warn")?;
    let config = config(&args)?;
    let emulator = Emulator::bind(args.listen, config).await.with_context(|| {
        format!("cannot listen on {}; choose another address with --listen", args.listen)
    })?;
    // The first line is for programs: it tells where the emulator can be reached.
    print_line(&format!("listening on {}", emulator.base_url()))?;
    print_line(&format!("\n# Point any AWS SDK here:\n{}", emulator.env_lines()))?;
    let mut stop = Stop::watch().context("cannot watch for signals")?;
    let asked = async move {
        stop.asked().await;
    };
    emulator.serve(asked).await;
    Ok(())
}

fn config(args: &EmulateArgs) -> anyhow::Result<Config> {
    let mut config = Config { region: args.region.clone(), ..Config::default() };
    config.access_keys.extend(args.access_key.iter().cloned());
    config.api_keys.extend(args.api_key.iter().cloned());
    if let Some(file) = &args.access {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        config.access = Access::parse_table(&text)
            .map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
    }
    if args.tls {
        let default =
            || std::env::temp_dir().join(format!("outcrop-emulator-{}-ca.pem", std::process::id()));
        config.tls = Some(Tls { ca_file: args.tls_ca_out.clone().unwrap_or_else(default) });
    }
    if let Some(text) = &args.engine {
        config.engine =
            text.parse::<Engine>().map_err(|e| anyhow::anyhow!("--engine {text}: {e}"))?;
    }
    if let Some(file) = &args.script {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let script =
            Script::parse(&text).map_err(|e| anyhow::anyhow!("{}: {e}", file.display()))?;
        config.engine = Engine::new(EngineKind::Script(Arc::new(script)));
    }
    if let Some(file) = &args.cassette {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let cassette =
            Cassette::parse(&text).map_err(|e| anyhow::anyhow!("{}: {e}", file.display()))?;
        config.cassette = Some(Arc::new(cassette));
    }
    Ok(config)
}
