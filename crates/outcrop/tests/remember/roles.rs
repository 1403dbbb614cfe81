//! Roles are made, used and found.

use crate::desk::{Desk, text};

#[tokio::test]
async fn a_role_brings_prompt_model_and_settings() {
    let desk = Desk::new().await;
    desk.says(&["roles", "new", "say", "say:<{{input}}>", "-m", "meta.llama3-1-70b-instruct-v1:0"])
        .await;
    assert_eq!(desk.says(&["query", "-r", "say", "hi"]).await, "<hi>\n");
    assert_eq!(
        desk.says(&["query", "-r", "say", "hi", "-m", "amazon.nova-pro-v1:0"]).await,
        "<hi>\n"
    );
    desk.says(&["query", "hi", "-s", "Be brief.", "--temperature", "0.5", "--save", "brief"]).await;
    desk.says(&["query", "-r", "brief", "there", "-s", "Be long."]).await;
    let turns = desk.turns().await;
    assert_eq!(turns[0]["model"], "meta.llama3-1-70b-instruct-v1:0");
    assert_eq!(turns[1]["model"], "amazon.nova-pro-v1:0");
    assert_eq!(turns[2]["model"], "amazon.nova-lite-v1:0");
    assert_eq!(turns[2]["settings"]["temperature"], 0.5);
    assert_eq!(turns[2]["settings"]["system"], "Be long.");
    assert_eq!(turns[2]["prompt"], "hi\n\nthere");
    let list = desk.says(&["roles"]).await;
    assert!(list.contains("brief") && list.contains("say:<{{input}}>"), "{list}");
    let shown = desk.says(&["roles", "show", "brief"]).await;
    assert!(shown.starts_with("---\ntemperature: 0.5\n"), "{shown}");
}

#[tokio::test]
async fn what_is_wrong_with_a_role_is_told() {
    let desk = Desk::new().await;
    desk.says(&["roles", "new", "a", "Be brief."]).await;
    let path = desk.says(&["roles", "edit", "a"]).await;
    std::fs::write(path.trim_end(), "---\nmodel: x\ntemperature: hot\n---\n").unwrap();
    for (arguments, told) in [
        (&["query", "Hi", "-r", "b"][..], "There are: a."),
        (&["query", "Hi", "-r", "../a"], "no name for a role"),
        (&["query", "Hi", "-r", "a"], "a.md:3:14 (temperature)"),
        (&["roles", "new", "a", "Again"], "outcrop roles edit a"),
    ] {
        let output = desk.run(arguments).await;
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(20), "{arguments:?}: {said}");
        assert!(said.contains(told), "{arguments:?}: {said}");
    }
}

#[tokio::test]
async fn places_of_a_role_are_filled() {
    let desk = Desk::new().await;
    desk.says(&["roles", "new", "tutor", "say:<{{input}}> to {{whom}}"]).await;
    let asked = ["query", "-r", "tutor", "{{whom}}", "-P", "whom=a {{input}}"];
    assert_eq!(desk.says(&asked).await, "<{{whom}}> to a {{input}}\n");
    let output = desk.told(&["chat", "-r", "tutor", "-P", "whom=me"], "a\nb\n").await;
    assert_eq!(text(&output.stdout), "<a> to me\n<b> to me\n");
    for (params, told) in [
        (&["-P", "who=me", "-P", "whom=me"][..], "no place {{who}}. It has: whom."),
        (&[], "{{whom}} that nothing is put into. -P whom=… fills it."),
    ] {
        let output = desk.run(&[&["query", "-r", "tutor", "x"], params].concat()).await;
        assert_eq!(output.status.code(), Some(20), "{output:?}");
        assert!(text(&output.stderr).contains(told), "{output:?}");
    }
    let path = desk.says(&["roles", "edit", "tutor"]).await;
    let file =
        "---\nsystem: For {{whom}}.\nparams:\n  whom: all\n  n: 3\n---\nsay:{{input}} {{n}}\n";
    std::fs::write(path.trim_end(), file).unwrap();
    assert_eq!(desk.says(&["query", "-r", "tutor", "x"]).await, "x 3\n");
    assert_eq!(desk.turns().await.last().unwrap()["settings"]["system"], "For all.");
    let saved = ["query", "x", "--top-k", "5", "--latency", "optimized", "--save", "quick"];
    let output = desk.run(&[&saved[..], &["--cache", "5m"]].concat()).await;
    assert!(text(&output.stderr).contains("does not keep --cache"), "{output:?}");
    desk.says(&["query", "-r", "quick", "y"]).await;
    let settings = desk.turns().await.last().unwrap()["settings"].clone();
    assert_eq!(
        (&settings["top_k"], &settings["performanceConfig"]["latency"]),
        (&5.into(), &"optimized".into())
    );
}
