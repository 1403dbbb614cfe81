//! Every source of AWS credentials, as an operator sets it up: the program with an environment and files
//! of its own, in front of an emulator that hands out and checks the credentials.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod conflicts;
mod gateway;
mod listing;
mod oidc;
mod refusals;
mod renewal;
mod sources;
#[path = "../support/mod.rs"]
mod support;
mod ways;

use outcrop_emulator::{Config, Emulator};

/// An emulator that knows the pair `AKID…`/`s3cr3t` of each name.
pub async fn emulator(names: &[&str]) -> Emulator {
    let keys = names.iter().map(|name| outcrop_emulator::AccessKey::new(*name, "s3cr3t"));
    let config = Config { access_keys: keys.collect(), ..Config::default() };
    Emulator::bind("127.0.0.1:0", config).await.unwrap()
}

/// The access key ids that chats were signed with, in their order.
pub fn signers(emulator: &Emulator) -> Vec<String> {
    let requests = emulator.requests();
    let chats = requests.iter().filter(|request| request.raw_path.starts_with("/model/"));
    chats
        .map(|request| {
            let text = request.headers["authorization"].to_str().unwrap();
            let id = text.split_once("Credential=").map_or(text, |(_, rest)| rest);
            id.split('/').next().unwrap().to_owned()
        })
        .collect()
}

/// The paths that credentials were asked for at.
pub fn asked(emulator: &Emulator) -> Vec<String> {
    let requests = emulator.requests();
    let paths = requests.iter().map(|request| request.raw_path.clone());
    paths.filter(|path| !path.starts_with("/model/")).collect()
}
