//! The wizard.

use outcrop_emulator::{Config, EXAMPLE_ACCESS_KEY_ID, EXAMPLE_SECRET_ACCESS_KEY, Emulator};

use super::terminal::Terminal;

const SIZE: (u16, u16) = (100, 40);

#[tokio::test(flavor = "multi_thread")]
async fn the_wizard_asks_tries_and_writes() {
    let emulator = Emulator::bind("127.0.0.1:0", Config::default()).await.unwrap();
    let env = [
        ("AWS_ENDPOINT_URL", &*emulator.base_url()),
        ("AWS_ACCESS_KEY_ID", EXAMPLE_ACCESS_KEY_ID),
        ("AWS_SECRET_ACCESS_KEY", EXAMPLE_SECRET_ACCESS_KEY),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    let terminal = Terminal::run(SIZE, &env, &["init", "--dir", "."]);
    terminal.shows("Provider:");
    terminal.press(&["Enter"]);
    terminal.looks_like("init-credentials", "A role (ARN)");
    terminal.press(&["Enter"]);
    terminal.shows("Region:");
    terminal.write("eu-west-1");
    terminal.shows("> eu-west-1");
    terminal.press(&["Enter"]);
    terminal.looks_like("init-models", "Model for chats:");
    terminal.press(&["Down", "Enter"]);
    terminal.shows("Model for vectors:");
    terminal.press(&["Enter"]);
    terminal.looks_like("init-written", "[exit 0]");
    let provider = terminal.home.path().join("config/providers/aws-bedrock.yaml");
    let provider = std::fs::read_to_string(provider).unwrap();
    assert!(provider.contains("claude-haiku-4-5") && provider.contains("eu-west-1"), "{provider}");
}

#[test]
fn what_is_there_is_changed_with_leave_only() {
    let provider =
        "interface_type: aws_bedrock\nprovider_name: bedrock\nconfig:\n  default_model: mine\n";
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("config/providers");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("aws-bedrock.yaml"), provider).unwrap();
    let arguments = ["init", "--emulator", "--quick", "--dir", "."];
    let terminal = Terminal::at(home, SIZE, (&[], &arguments));
    terminal.looks_like("init-differs", "(Y/n)");
    terminal.write("n");
    terminal.press(&["Enter"]);
    terminal.shows("[exit 17]");
    assert_eq!(std::fs::read_to_string(folder.join("aws-bedrock.yaml")).unwrap(), provider);
}

#[test]
fn a_typed_key_is_not_shown() {
    let arguments = ["init", "--auth", "keys", "--dir", "."];
    let terminal = Terminal::run(SIZE, &[], &arguments);
    terminal.shows("Access key id:");
    terminal.write("AKIATYPED");
    terminal.press(&["Enter"]);
    terminal.shows("Secret access key:");
    terminal.write("never-shown");
    terminal.looks_like("init-secret", "***********");
    terminal.press(&["C-c"]);
    terminal.shows("[exit 130]");
    assert!(!terminal.home.path().join(".env").exists());
}
