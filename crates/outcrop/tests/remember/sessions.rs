//! Conversations are looked at, forked and forgotten.

use serde_json::Value;

use crate::desk::Desk;

#[tokio::test]
async fn a_fork_goes_on_with_what_was_said_and_set() {
    let desk = Desk::new().await;
    desk.says(&["query", "say:one", "--session", "a", "-s", "Be brief."]).await;
    assert_eq!(desk.says(&["sessions", "fork", "a"]).await, "a-2\n");
    assert_eq!(desk.run(&["sessions", "fork", "a", "a-2"]).await.status.code(), Some(20));
    desk.says(&["query", "say:two", "--session", "a-2"]).await;
    desk.says(&["query", "say:three", "--session", "a"]).await;
    let asked = desk.asked();
    assert_eq!(asked[1], ["say:one", "one", "say:two"]);
    assert_eq!(asked[2], ["say:one", "one", "say:three"]);
    assert_eq!(desk.turns().await[1]["settings"]["system"], "Be brief.");
    desk.says(&["sessions", "rm", "a"]).await;
    assert_eq!(desk.run(&["sessions", "rm", "a-2", "a"]).await.status.code(), Some(20));
    let left: Value = serde_json::from_str(&desk.says(&["sessions", "list", "-j"]).await).unwrap();
    assert_eq!((left[0]["name"].as_str(), left[0]["turns"].as_u64()), (Some("a-2"), Some(1)));
    assert!(!desk.says(&["logs", "--search", "three"]).await.contains("three"));
}

#[tokio::test]
async fn a_session_is_shown_in_three_forms() {
    let desk = Desk::new().await;
    let bold = "say:**bold** <script>alert(1)</script>";
    desk.says(&["query", bold, "--session", "form"]).await;
    desk.says(&["sessions", "fork", "form", "b"]).await;
    desk.says(&["query", "say:two", "--session", "b"]).await;
    let page = desk.says(&["sessions", "export", "b", "--html"]).await;
    assert!(page.contains("<strong>bold</strong>") && !page.contains("<script>"), "{page}");
    let markdown = desk.says(&["sessions", "show", "b"]).await;
    for said in ["# b\n", "\n**bold** <script>", "## amazon.nova-lite-v1:0\n\ntwo\n"] {
        assert!(markdown.contains(said), "{said}: {markdown}");
    }
    let file = desk.home.path().join("b.json");
    let target = file.to_str().unwrap();
    assert_eq!(desk.says(&["sessions", "export", "b", "-j", "-O", target]).await, "");
    let all: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(all["before"][0]["content"][0]["text"], bold);
    assert_eq!(all["turns"][0]["response"], "two");
    let found = desk.says(&["sessions", "search", "two"]).await;
    assert!(found.contains("\nb ") && !found.contains("form"), "{found}");
    assert_eq!(desk.run(&["sessions", "show", "none"]).await.status.code(), Some(20));
}
