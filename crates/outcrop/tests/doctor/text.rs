//! The report as people read it. `OUTCROP_BLESS=1` rewrites what is expected.

use std::path::Path;

use crate::visit::{NOVA, Visit};

#[tokio::test]
async fn a_healthy_report_and_one_with_a_failure() {
    let healthy = Visit::new().await.flags(&["--model", NOVA]);
    check("healthy", &healthy, 0).await;
    let denied = "error=AccessDeniedException;message=User: arn:aws:iam::123456789012:user/a is not authorized to perform: bedrock:InvokeModel";
    let ill = Visit::new().await.flags(&["--model", NOVA]).ill("Converse", denied);
    check("not-allowed", &ill, 21).await;
    let skewed = Visit::new().await.ill("UnknownOperation", "skew=-600");
    check("skewed", &skewed, 0).await;
}

async fn check(name: &str, visit: &Visit, code: i32) {
    let output = visit.output(&[]).await;
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(code), "{printed}");
    let progress = String::from_utf8(output.stderr).unwrap();
    assert!(progress.starts_with("looking at credentials…\n"), "{progress}");
    let told = steady(&printed.replace(&visit.emulator.base_url(), "http://EMULATOR"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/doctor/{name}.txt"));
    if std::env::var_os("OUTCROP_BLESS").is_some() {
        std::fs::write(&path, &told).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(told, expected, "{} differs; bless with OUTCROP_BLESS=1", path.display());
}

/// Without what differs from run to run: numbers and request ids.
fn steady(text: &str) -> String {
    let steady = |word: &str, before: &str| match before {
        "id:" => "ID".to_owned(),
        _ if word.parse::<u64>().is_ok() => "N".to_owned(),
        _ => word.to_owned(),
    };
    let line = |line: &str| {
        let mut before = "";
        let mut words = Vec::new();
        for one in line.split(' ') {
            words.push(steady(one, before));
            before = one;
        }
        words.join(" ")
    };
    text.lines().map(|one| line(one) + "\n").collect()
}
