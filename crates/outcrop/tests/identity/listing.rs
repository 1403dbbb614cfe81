//! An identity that may not list the account's models.

use outcrop_emulator::{Fault, Injection};

use crate::emulator;
use crate::gateway::Setting;

/// What is asked for at each refresh.
const LISTS: usize = 7;

#[tokio::test]
async fn without_leave_to_list_all_works_and_one_line_says_what_to_grant() {
    let emulator = emulator(&["AKIDONE"]).await;
    let operations = [
        "ListFoundationModels",
        "ListInferenceProfiles",
        "ListCustomModelDeployments",
        "ListImportedModels",
        "ListProvisionedModelThroughputs",
        "ListPromptRouters",
    ];
    for operation in operations {
        emulator.inject_where(Injection {
            faults: Fault::parse_list("error=AccessDeniedException").unwrap(),
            times: 100_000,
            operation: Some(operation.to_owned()),
            model: None,
        });
    }
    let home = tempfile::tempdir().unwrap();
    let setting = Setting::new(&emulator, home.path())
        .env("AWS_ACCESS_KEY_ID", "AKIDONE")
        .env("AWS_SECRET_ACCESS_KEY", "s3cr3t")
        .env("OUTCROP_MODELS_REFRESH", "0.001");
    let gateway = setting.start().await;
    assert_eq!(gateway.chat().await.0, 200);
    // The third round begins when the second has been told.
    while emulator.requests().iter().filter(|r| r.method == "GET").count() <= 2 * LISTS {
        tokio::task::yield_now().await;
    }
    let log = gateway.log().await;
    let warnings: Vec<&str> =
        log.lines().filter(|line| line.contains("WARN") && line.contains("grant")).collect();
    assert_eq!(warnings.len(), 1, "{log}");
    for operation in operations {
        assert!(warnings[0].contains(&format!("bedrock:{operation}")), "{log}");
    }
    assert!(!home.path().join(".cache").exists(), "nothing is known that could be kept");
}
