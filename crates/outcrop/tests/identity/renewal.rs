//! Credentials that change while the gateway serves.

use std::time::Duration;

use outcrop_emulator::{EXAMPLE_API_KEY, Emulator, Fault, Injection};

use tokio::time::timeout;

use crate::gateway::{Gateway, Setting, chat};
use crate::{emulator, signers};

/// Nothing here takes more than seconds; after this a test is stuck.
const HANGS: Duration = Duration::from_secs(120);

async fn in_a_container(emulator: &Emulator, home: &std::path::Path) -> Gateway {
    let uri = format!("{}/v1/credentials", emulator.base_url());
    Setting::new(emulator, home).env("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri).start().await
}

#[tokio::test]
async fn credentials_rotate_under_load_and_no_request_fails() {
    let emulator = emulator(&[]).await;
    emulator.set_session_lifetime(Duration::from_secs(2));
    let home = tempfile::tempdir().unwrap();
    let gateway = in_a_container(&emulator, home.path()).await;
    let load: Vec<_> = (0..4)
        .map(|_| {
            let address = gateway.address();
            tokio::spawn(async move {
                loop {
                    let (status, answer) = chat(&address).await;
                    assert_eq!(status, 200, "{answer}");
                }
            })
        })
        .collect();
    let rotations = async {
        while emulator.sessions() < 4 {
            assert!(load.iter().all(|one| !one.is_finished()));
            assert_eq!(gateway.chat().await.0, 200);
        }
    };
    timeout(HANGS, rotations).await.unwrap();
    for one in load {
        one.abort();
        assert!(one.await.unwrap_err().is_cancelled());
    }
}

#[tokio::test]
async fn a_session_that_ends_early_is_replaced_without_a_failed_request() {
    let emulator = emulator(&[]).await;
    let home = tempfile::tempdir().unwrap();
    let gateway = in_a_container(&emulator, home.path()).await;
    assert_eq!(gateway.chat().await.0, 200);
    emulator.expire_sessions();
    assert_eq!(gateway.chat().await.0, 200);
    assert_eq!(emulator.sessions(), 2);
    let signers = signers(&emulator);
    assert!(signers[0] == signers[1] && signers[1] != signers[2], "{signers:?}");
}

#[tokio::test]
async fn an_outage_longer_than_the_life_of_credentials_ends_by_itself() {
    let emulator = emulator(&[]).await;
    emulator.set_session_lifetime(Duration::from_secs(2));
    let home = tempfile::tempdir().unwrap();
    let gateway = in_a_container(&emulator, home.path()).await;
    emulator.inject_where(Injection {
        faults: Fault::parse_list("html=503").unwrap(),
        times: u32::MAX,
        operation: Some("ContainerCredentials".to_owned()),
        model: None,
    });
    // They serve until they expire; from then on the caller hears of no 401 or 403.
    let expiry = async {
        loop {
            let (status, answer) = gateway.chat().await;
            if status != 200 {
                break (status, answer);
            }
        }
    };
    let (status, answer) = timeout(HANGS, expiry).await.unwrap();
    assert!(status == 502 || status == 503, "{answer}");
    assert!(answer.contains("credentials"), "{answer}");
    emulator.clear_faults();
    timeout(HANGS, async { while gateway.chat().await.0 != 200 {} }).await.unwrap();
}

#[tokio::test]
async fn a_secret_that_is_changed_on_disk_is_used() {
    let emulator = emulator(&["AKIDNEW"]).await;
    let home = tempfile::tempdir().unwrap();
    let setting = Setting::new(&emulator, home.path());
    let profile =
        |id: &str| format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = s3cr3t\n");
    let setting = setting.file(".aws/credentials", &profile("AKIDOLD"));
    let gateway = setting.start().await;
    setting.file(".aws/credentials", &profile("AKIDNEW"));
    assert_eq!(gateway.chat().await.0, 200);
    assert_eq!(signers(&emulator), ["AKIDOLD", "AKIDNEW"]);
}

#[tokio::test]
async fn an_api_key_that_is_changed_on_disk_is_used() {
    let emulator = emulator(&[]).await;
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("key").display().to_string();
    let setting = Setting::new(&emulator, home.path()).file("key", "ABSKold");
    let setting = setting.flags(&["--api-key-file", &file]);
    let gateway = setting.start().await;
    setting.file("key", EXAMPLE_API_KEY);
    let (status, answer) = gateway.chat().await;
    assert_eq!(status, 200, "{answer}");
}
