//! A Bedrock on this machine: prints the environment that points an SDK at it, serves until Ctrl-C.
//!
//! `cargo run -p outcrop-emulator --example serve -- 127.0.0.1:4566 [CA_FILE]`; with a file it
//! speaks TLS and writes its authority there.

use outcrop_emulator::{Config, Emulator, Tls};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let tls = arguments.next().map(|file| Tls { ca_file: file.into() });
    let emulator = Emulator::bind(address, Config { tls, ..Config::default() }).await?;
    print!("{}", emulator.env_lines());
    let stopped = async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            eprintln!("cannot wait for Ctrl-C: {error}");
        }
    };
    emulator.serve(stopped).await;
    Ok(())
}
