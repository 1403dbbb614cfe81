//! `outcrop completion`, `man` and `version`.

use crate::desk::{Desk, write};

#[tokio::test]
async fn shells_are_told_models_sessions_and_roles() {
    let desk = Desk::new().await;
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(desk.run(&["completion", shell]).await.quiet().contains("outcrop"), "{shell}");
    }
    assert_eq!(desk.run(&["completion", "tcsh"]).await.code, 20);
    desk.run(&["query", "Hi", "--session", "travel"]).await.quiet();
    write(&desk.home("roles/terse.md"), "Be brief.\n");
    desk.run(&["mcp", "add", "notes", "--", "true"]).await.fine();
    let desk = desk.env("COMPLETE", "fish");
    for (words, told) in [
        (&["query", "--model", "amazon.nova-l"][..], "amazon.nova-lite-v1:0"),
        (&["query", "--model", "claude-son"], "claude-sonnet-4-5"),
        (&["query", "--compare", "claude-haiku-4-5,claude-son"], "claude-sonnet-4-5"),
        (&["embed", "--model", "co"], "cohere.embed-english-v3"),
        (&["models", "show", "titan"], "titan-text-express"),
        (&["query", "--session", "tr"], "travel"),
        (&["sessions", "show", ""], "travel"),
        (&["sessions", "rm", "tr"], "travel"),
        (&["query", "--role", "te"], "terse"),
        (&["roles", "edit", ""], "terse"),
        (&["query", "--server", "no"], "notes"),
        (&["mcp", "test", ""], "notes"),
        (&["conn"], "connect"),
    ] {
        let said = desk.run(&[&["--", "outcrop"], words].concat()).await.quiet();
        assert!(said.contains(told), "{words:?}: {said}");
    }
    // Nobody reads on.
    let ended = desk.shell("outcrop -- outcrop query --model '' | head -n 1").await;
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
}

#[tokio::test]
async fn every_command_has_a_page_with_examples() {
    let desk = Desk::new().await;
    assert!(desk.run(&["man"]).await.quiet().starts_with(".ie"));
    desk.run(&["man", "--dir", "pages"]).await.quiet();
    for page in ["outcrop.1", "outcrop-query.1", "outcrop-init.1", "outcrop-connect.1"] {
        let text = std::fs::read_to_string(desk.path("pages").join(page)).unwrap();
        assert!(text.contains(".TH"), "{page}");
    }
    let version = desk.run(&["version"]).await.quiet();
    assert_eq!(version, desk.run(&["--version"]).await.quiet());
}
