//! `outcrop init` without a terminal.

use std::os::unix::fs::PermissionsExt;

use outcrop_emulator::{EXAMPLE_ACCESS_KEY_ID, EXAMPLE_SECRET_ACCESS_KEY, Fault};
use serde_json::Value;

use crate::desk::{Desk, NOVA, PROVIDER, write};

const EMBEDDINGS: &str = "config/embeddings/aws-bedrock.yaml";
const TITAN: &str = "amazon.titan-embed-text-v2:0";

fn text(path: &std::path::Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test]
async fn what_is_found_is_written_and_works() {
    let desk = Desk::new().await;
    let said = desk.run(&["init", "--json"]).await.fine();
    let told: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(told["auth"], "chain");
    assert_eq!(told["model"], "claude-sonnet-4-5");
    assert_eq!(told["embed_model"], "cohere.embed-english-v3");
    assert_eq!(told["files"].as_array().unwrap().len(), 4);
    assert!(!desk.home(".env").exists());
    assert!(!text(&desk.home(PROVIDER)).contains(EXAMPLE_SECRET_ACCESS_KEY));
    assert_eq!(desk.run(&["query", "Hi"]).await.quiet(), "You said: Hi\n");
    let vectors: Value = serde_json::from_str(&desk.run(&["embed", "Hi"]).await.quiet()).unwrap();
    assert_eq!(vectors["model"], "cohere.embed-english-v3");
}

#[tokio::test]
async fn nothing_that_is_there_is_lost() {
    let desk = Desk::new().await;
    let first = ["init", "--model", NOVA, "--embed-model", TITAN, "--no-verify"];
    desk.run(&first).await.fine();
    let provider = desk.home(PROVIDER);
    let before = text(&provider) + "  temperature: 0.5 # mine\n# my own words\n";
    write(&provider, &before);
    // The same again changes nothing.
    assert!(desk.run(&first).await.fine().contains("unchanged"));
    assert_eq!(text(&provider), before);
    let other = ["init", "--model", "amazon.nova-pro-v1:0", "--embed-model", TITAN];
    let refused = desk.run(&other).await;
    assert_eq!(refused.code, 17, "{refused:?}");
    assert!(refused.err.contains("+  default_model: amazon.nova-pro-v1:0"), "{refused:?}");
    assert_eq!(text(&provider), before);
    desk.run(&[&other[..], &["--force"]].concat()).await.fine();
    let after = before.replace(NOVA, "amazon.nova-pro-v1:0");
    assert_eq!(text(&provider), after);
    assert_eq!(text(&desk.home(&format!("{PROVIDER}.backup"))), before);
    desk.run(&[&first[..], &["--force"]].concat()).await.fine();
    assert_eq!(text(&desk.home(&format!("{PROVIDER}.backup1"))), after);
    // A second model for vectors is one of those listed.
    let cohere = ["init", "--no-verify", "--embed-model", "cohere.embed-english-v3", "--force"];
    desk.run(&cohere).await.fine();
    // Who names no model keeps those that are there.
    let told: Value = serde_json::from_str(&desk.run(&["init", "--json"]).await.fine()).unwrap();
    assert_eq!(told["model"], NOVA);
    assert_eq!(told["embed_model"], "cohere.embed-english-v3");
    assert!(text(&desk.home(EMBEDDINGS)).contains(TITAN));
    let vectors: Value = serde_json::from_str(&desk.run(&["embed", "Hi"]).await.quiet()).unwrap();
    assert_eq!(vectors["model"], "cohere.embed-english-v3");
}

#[tokio::test]
async fn keys_that_were_asked_for_are_kept_from_others() {
    let desk = Desk::new().await;
    write(&desk.home(".env"), "# mine\nMINE=1\nexport AWS_ACCESS_KEY_ID=old\n");
    let ended = desk.run(&["init", "--auth", "keys", "--no-verify", "--force"]).await;
    assert!(!ended.err.contains(EXAMPLE_SECRET_ACCESS_KEY), "{ended:?}");
    assert!(!ended.fine().contains(EXAMPLE_SECRET_ACCESS_KEY));
    let env = text(&desk.home(".env"));
    let expected = format!(
        "# mine\nMINE=1\nAWS_ACCESS_KEY_ID='{EXAMPLE_ACCESS_KEY_ID}'\nAWS_SECRET_ACCESS_KEY='{EXAMPLE_SECRET_ACCESS_KEY}'\n"
    );
    assert_eq!(env, expected);
    for file in [".env", ".env.backup"] {
        let mode = std::fs::metadata(desk.home(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let desk = desk.unset("AWS_ACCESS_KEY_ID").unset("AWS_SECRET_ACCESS_KEY").unset("AWS_REGION");
    assert_eq!(desk.run(&["query", "Hi"]).await.quiet(), "You said: Hi\n");
}

#[tokio::test]
async fn a_profile_is_written_by_its_name() {
    let desk = Desk::without_account().await;
    let keys = format!(
        "[work]\naws_access_key_id = {EXAMPLE_ACCESS_KEY_ID}\naws_secret_access_key = {EXAMPLE_SECRET_ACCESS_KEY}\nregion = eu-west-1\n"
    );
    write(&desk.home(".aws/credentials"), &keys);
    desk.run(&["init", "--profile", "work", "--model", NOVA, "--embed-model", TITAN]).await.fine();
    let provider = text(&desk.home(PROVIDER));
    assert!(provider.contains("profile: work") && provider.contains("eu-west-1"), "{provider}");
    assert_eq!(desk.run(&["query", "Hi"]).await.quiet(), "You said: Hi\n");
}

#[tokio::test]
async fn what_stops_it_is_told_and_nothing_is_written() {
    let desk = Desk::without_account().await;
    for (arguments, told) in [
        (&["init"][..], "region"),
        (&["init", "--region", "us-east-1"], "credentials"),
        (&["init", "--auth", "keys", "--region", "us-east-1"], "AWS_ACCESS_KEY_ID"),
    ] {
        let ended = desk.run(arguments).await;
        assert_eq!(ended.code, 17, "{ended:?}");
        assert!(ended.err.contains(told), "{told}: {ended:?}");
    }
    let desk = Desk::new().await;
    for other in [["--embed-model", "claude-haiku-4-5"], ["--model", "cohere.embed-english-v3"]] {
        let ended = desk.run(&[&["init"][..], &other].concat()).await;
        assert_eq!(ended.code, 17, "{ended:?}");
        assert!(ended.err.contains(&format!("error: {}: ", other[1])), "{ended:?}");
        assert!(!desk.home("config.yaml").exists());
    }
    desk.emulator.inject(Fault::parse_list("error=AccessDeniedException").unwrap(), 99);
    let ended = desk.run(&["init", "--model", NOVA]).await;
    assert_eq!(ended.code, 17, "{ended:?}");
    assert!(ended.err.contains("Mend:"), "{ended:?}");
    assert!(!desk.home("config.yaml").exists());
}

#[tokio::test]
async fn without_an_account_there_is_the_emulator() {
    let desk = Desk::without_account().await;
    desk.run(&["init", "--emulator", "--dir", ".outcrop"]).await.fine();
    assert_eq!(desk.run(&["query", "Hi", "--session", "s"]).await.quiet(), "You said: Hi\n");
    // Verbs of commands that ask have it too.
    desk.run(&["sessions", "resume", "s"]).await.fine();
    let served = desk.run(&["mcp", "serve"]).await;
    assert!(served.err.contains("does not speak MCP"), "{served:?}");
    assert!(desk.emulator.requests().is_empty());
    desk.run(&["config", "validate", "--strict"]).await.fine();
    let wrong = desk.run(&["config", "set", "sessions.temperature", "warm"]).await;
    assert!(wrong.code == 20 && wrong.err.contains("not a number"), "{wrong:?}");
    // What all providers lack is told in one line.
    desk.run(&["config", "set", "query.emulator", "false"]).await.fine();
    let nobody = desk.unset("AWS_REGION").run(&["query", "Hi"]).await;
    assert_eq!((nobody.code, nobody.err.lines().count()), (28, 1), "{nobody:?}");
}

#[tokio::test]
async fn earlier_choices_stand_until_others_are_made() {
    let desk = Desk::without_account().await;
    let keys = |region: &str| {
        format!(
            "aws_access_key_id = {EXAMPLE_ACCESS_KEY_ID}\naws_secret_access_key = {EXAMPLE_SECRET_ACCESS_KEY}\nregion = {region}\n"
        )
    };
    let file = format!("[work]\n{}[home]\n{}", keys("eu-west-1"), keys("us-east-1"));
    write(&desk.home(".aws/credentials"), &file);
    let init = async |more: &[&str]| {
        let ended = desk.run(&[&["init", "--force"][..], more].concat()).await;
        let told = ended.err.clone();
        ended.fine();
        (told, text(&desk.home(PROVIDER)))
    };
    let (_, first) = init(&[
        "--profile",
        "work",
        "--region",
        "eu-west-3",
        "--model",
        NOVA,
        "--embed-model",
        TITAN,
    ])
    .await;
    let (told, again) = init(&[]).await;
    assert!(told.contains("as before") && told.contains("eu-west-3"), "{told}");
    assert_eq!(again, first);
    let (_, moved) = init(&["--region", "us-west-2"]).await;
    assert_eq!(moved, first.replace("eu-west-3", "us-west-2"));
    // Whoever was meant before is not any more.
    init(&["--profile", "home"]).await;
    let role = outcrop_emulator::EXAMPLE_ROLE;
    let desk = desk.env("AWS_ACCESS_KEY_ID", EXAMPLE_ACCESS_KEY_ID);
    let desk = desk.env("AWS_SECRET_ACCESS_KEY", EXAMPLE_SECRET_ACCESS_KEY);
    let args = ["init", "--force", "--no-verify", "--auth", "role", "--role", role];
    let said = desk.run(&args).await.fine();
    assert!(said.contains("No model was called"), "{said}");
    let provider = text(&desk.home(PROVIDER));
    assert!(provider.contains(role) && provider.contains("profile: \"\""), "{provider}");
    assert!(desk.run(&["init", "--force"]).await.fine().contains("unchanged"));
    desk.run(&["init", "--force", "--emulator"]).await.fine();
    let asked = desk.emulator.requests().len();
    desk.run(&["init", "--force"]).await.fine();
    desk.run(&["query", "Hi"]).await.quiet();
    assert_eq!(desk.emulator.requests().len(), asked, "the emulator inside was not asked");
    desk.run(&["init", "--force", "--auth", "chain"]).await.fine();
    desk.run(&["query", "Hi"]).await.quiet();
    assert!(desk.emulator.requests().len() > asked);
}

#[tokio::test]
async fn keys_of_an_earlier_run_are_still_at_hand() {
    let desk = Desk::new().await;
    let init = ["init", "--auth", "keys", "--model", NOVA, "--embed-model", TITAN];
    let said = desk.run(&init).await;
    let told = format!("{}{}", said.out, said.err);
    assert!(said.code == 0 && !told.contains(EXAMPLE_SECRET_ACCESS_KEY), "{told}");
    let desk = desk.unset("AWS_ACCESS_KEY_ID").unset("AWS_SECRET_ACCESS_KEY").unset("AWS_REGION");
    let again = desk.run(&["init"]).await;
    assert!(again.err.contains("as before"), "{again:?}");
    assert!(again.fine().contains("unchanged"));
}

#[tokio::test]
async fn what_cannot_be_written_whole_is_not_written() {
    let desk = Desk::new().await;
    let models = format!("--no-verify --model {NOVA} --embed-model {TITAN}");
    // Files of no bytes at all, as on a full disk.
    let full = desk.shell(&format!("trap '' XFSZ; ulimit -f 0; outcrop init {models}")).await;
    assert_eq!(full.code, 17, "{full:?}");
    assert!(
        full.err.contains("Cannot write") && full.err.contains("Nothing was changed"),
        "{full:?}"
    );
    assert!(!desk.home("config").exists() && !desk.home("config.yaml.new").exists());
    desk.file("taken", "");
    let ended = desk.shell(&format!("outcrop init --dir taken/below {models}")).await;
    assert_eq!(ended.code, 17, "{ended:?}");
    // The folder of keys is its owner's alone.
    desk.shell(&format!("outcrop init --dir keys --auth keys {models}")).await.fine();
    for (name, mode) in [("keys", 0o700), ("keys/.env", 0o600)] {
        use std::os::unix::fs::PermissionsExt;
        let now = std::fs::metadata(desk.path(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(now, mode, "{name}");
    }
}
