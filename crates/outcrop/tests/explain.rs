//! `outcrop explain` as a person meets it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::process::Output;

const FILE: &str = "\
backends:
  us: {region: us-west-2, identity: {api_key: {env: ABSENT}}}
  eu: {region: eu-west-1, identity: {keys: {access_key_id: AKIAREALREALREALREAL, secret_access_key: very-secret}}}
routes:
  - {name: quick, match: {model: fast}, targets: {backend: eu, model: amazon.nova-lite-v1:0}}
  - {name: rest, match: {model: amazon.*}, targets: us, policy: {fidelity: strict}}
";

fn explain(name: &str, request: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    explain_by(FILE, name, (request, arguments))
}

fn explain_by(file: &str, name: &str, request: (&str, &[&str])) -> (Option<i32>, String, String) {
    explain_among(&[], file, name, request)
}

fn explain_among(
    environment: &[(&str, &str)],
    file: &str,
    name: &str,
    (request, arguments): (&str, &[&str]),
) -> (Option<i32>, String, String) {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("explain").join(name);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("outcrop.yaml"), file).unwrap();
    std::fs::write(folder.join("request.json"), request).unwrap();
    let Output { status, stdout, stderr } = support::outcrop(&["explain", "-f", "outcrop.yaml"])
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(folder)
        .output()
        .unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn the_way_of_a_request_is_told_with_what_aws_would_get() {
    let request =
        r#"{"model": "fast", "seed": 7, "messages": [{"role": "user", "content": "hello"}]}"#;
    let (code, told, stderr) = explain("way", request, &["request.json"]);
    assert_eq!(code, Some(0), "{stderr}");
    let has = |words: &str| assert!(told.contains(words), "{words}: {told}");
    has("route    quick\nbackend  eu\nregion   eu-west-1\n");
    has("target   amazon.nova-lite-v1:0\ncarrier  converse\n");
    has("loss     dropped seed (");
    has("POST /model/amazon.nova-lite-v1%3A0/converse\n");
    has("authorization: ***\n");
    has(r#""text":"hello""#);
    // The target is told too where it is what the caller named.
    let itself = request.replace("fast", "amazon.nova-lite-v1:0").replace(r#""seed": 7, "#, "");
    let (_, itself, _) = explain("way-itself", &itself, &["request.json"]);
    assert!(itself.contains("target   amazon.nova-lite-v1:0\n"), "{itself}");
    assert!(!told.contains("very-secret") && !told.contains("Signature="), "{told}");
}

#[test]
fn a_refusal_is_told_with_its_reason() {
    let messages = r#""messages": [{"role": "user", "content": "hello"}]"#;
    let request = format!(r#"{{"model": "amazon.nova-lite-v1:0", "seed": 7, {messages}}}"#);
    let (code, told, stderr) = explain("strict", &request, &["request.json"]);
    assert_eq!(code, Some(15), "{told}{stderr}");
    assert!(told.contains("route    rest\n") && stderr.contains("seed"), "{told}{stderr}");
    assert!(!told.contains("POST"), "nothing would be sent: {told}");
    let request = format!(r#"{{"model": "unheard-of", {messages}, "max_tokens": 5}}"#);
    let (code, _, stderr) =
        explain("unknown", &request, &["request.json", "--path", "/v1/messages"]);
    assert_eq!(code, Some(15), "{stderr}");
    assert!(stderr.contains("404") && stderr.contains("unheard-of"), "{stderr}");
}

#[test]
fn a_line_of_curl_is_read() {
    let request =
        r#"{"model": "fast", "max_tokens": 9, "messages": [{"role": "user", "content": "it's"}]}"#;
    let line = "curl -sS 'http://localhost:8080/v1/messages?beta=true' \\\n  -H 'anthropic-version: 2023-06-01' -H 'content-type: application/json' -d @request.json";
    let (code, told, stderr) = explain("curl", request, &["--curl", line]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(told.starts_with("dialect  anthropic\nroute    quick\n"), "{told}");
    assert!(told.contains(r#""text":"it's""#), "{told}");
    let (code, _, stderr) = explain("curl", request, &["--curl", "curl -F a=b http://localhost/"]);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("`-F` is no option that is read here"), "{stderr}");
}

const LISTENERS: &str = "\
backends: {us: us-east-1}
listeners:
  - {name: inside, address: 127.0.0.1:1}
  - {name: outside, address: 127.0.0.1:2}
defaults: {headers: {set: {x-upstream-key: very-secret, x-team: plain}}}
routes:
  - {name: out, listeners: outside, targets: us}
  - {name: in, listeners: inside, targets: us}
";

#[test]
fn a_listener_can_be_named_and_headers_of_the_operator_are_masked() {
    let request =
        r#"{"model": "amazon.nova-lite-v1:0", "messages": [{"role": "user", "content": "hello"}]}"#;
    for (listener, route) in [("inside", "in"), ("outside", "out")] {
        let arguments = ["request.json", "--listener", listener];
        let (code, told, stderr) = explain_by(LISTENERS, "listeners", (request, &arguments));
        assert_eq!(code, Some(0), "{stderr}");
        assert!(told.contains(&format!("route    {route}\n")), "{told}");
        assert!(
            told.contains("x-upstream-key: ***\n") && told.contains("x-team: plain\n"),
            "{told}"
        );
    }
    let arguments = ["request.json", "--listener", "x"];
    let (code, _, stderr) = explain_by(LISTENERS, "listeners", (request, &arguments));
    assert!(code == Some(1) && stderr.contains("there is inside, outside"), "{stderr}");
}

const SECRETS: &str = "\
backends: {us: us-east-1}
defaults:
  headers: {set: {x-team: \"team ${TENANT}\", x-pin: \"pin ${PIN}\", x-kind: \"${KIND}\"}}
  body:
    set: {seed: 7, api_key: very-secret, metadata: {tenant: \"${TENANT}\", token: other-secret, plain: shown}, metadata.kind: \"${KIND}\"}
routes: [{name: all, targets: us}]
";

#[test]
fn what_changes_to_requests_hold_that_is_secret_is_masked() {
    let request = r#"{"model": "amazon.nova-lite-v1:0", "messages": [{"role": "user", "content": "of who-it-is"}]}"#;
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("explain").join("secrets");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("outcrop.yaml"), SECRETS).unwrap();
    std::fs::write(folder.join("request.json"), request).unwrap();
    let Output { status, stdout, stderr } = support::outcrop(&["explain", "-f", "outcrop.yaml"])
        .arg("request.json")
        .envs([("TENANT", "who-it-is"), ("PIN", "q7z"), ("KIND", "user")])
        .current_dir(folder)
        .output()
        .unwrap();
    let told = String::from_utf8(stdout).unwrap();
    assert!(status.success(), "{told}{}", String::from_utf8(stderr).unwrap());
    for secret in ["very-secret", "other-secret", "who-it-is", "q7z"] {
        assert!(!told.contains(secret), "{secret}: {told}");
    }
    assert!(told.contains("x-team: team ***\n") && told.contains("shown"), "{told}");
    assert!(told.contains("\"of ***\""), "{told}");
    // A word that any request has is hidden where it was set.
    assert!(told.contains("x-pin: pin ***\n") && told.contains("x-kind: ***\n"), "{told}");
    assert!(told.contains("\"role\":\"user\""), "{told}");
}

#[test]
fn what_is_below_a_secret_name_is_masked() {
    let file = "\
backends: {us: us-east-1}
defaults: {body: {set: {additionalModelRequestFields.vendor_token.value: s3cret}}}
routes: [{name: all, targets: us}]
";
    let request = r#"{"messages": [{"role": "user", "content": [{"text": "hello"}]}]}"#;
    let arguments = ["request.json", "--path", "/model/amazon.nova-lite-v1:0/converse"];
    // The model knows no such member; what it would get is shown all the same.
    let (_, told, _) = explain_by(file, "below", (request, &arguments));
    assert!(told.contains(r#""vendor_token":{"value":"***"}"#), "{told}");
}

#[test]
fn a_backend_without_a_region_is_in_the_one_that_serve_would_take() {
    let request =
        r#"{"model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": "hello"}]}"#;
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("explain-regions");
    std::fs::create_dir_all(&folder).unwrap();
    let profiles = folder.join("config");
    std::fs::write(&profiles, "[profile tokyo]\nregion = ap-northeast-1\n").unwrap();
    let profiles = ("AWS_CONFIG_FILE", profiles.to_str().unwrap());
    let (absent, tokyo) = ("{identity: {api_key: {env: ABSENT}}}", "{identity: {profile: tokyo}}");
    let europe = ("AWS_REGION", "eu-west-1");
    let example = "us-east-1\nnote     no region is set; this one is an example";
    for (backend, environment, region, prefix) in [
        (absent, &[europe][..], "eu-west-1", "eu."),
        ("{region: us-west-2}", &[europe], "us-west-2", "us."),
        (tokyo, &[profiles], "ap-northeast-1", "jp."),
        (absent, &[], example, "us."),
    ] {
        let file = format!("backends: {{main: {backend}}}\n");
        let request = (request, &["request.json"][..]);
        let (code, told, stderr) = explain_among(environment, &file, "regions", request);
        assert_eq!(code, Some(0), "{stderr}{told}");
        assert!(told.contains(&format!("region   {region}\nmodel")), "{backend} {told}");
        assert!(told.contains(&format!("target   {prefix}anthropic.")), "{backend} {told}");
    }
}

#[test]
fn credentials_that_are_lent_are_taken() {
    let request =
        r#"{"model": "amazon.nova-lite-v1:0", "messages": [{"role": "user", "content": "hello"}]}"#;
    let file = "backends: {main: {region: us-east-1, identity: {credential_headers: {prefix: x-aws-, without: refuse}}}}\n";
    let id = ["request.json", "--header", "x-aws-access-key-id: AKIALENT"];
    let pair = [&id[..], &["--header", "x-aws-secret-access-key: very-secret"]].concat();
    let token = [&pair[..], &["--header", "x-aws-session-token: also-secret"]].concat();
    for (arguments, expected) in
        [(&id[..1], Some(15)), (&id, Some(15)), (&pair, Some(0)), (&token, Some(0))]
    {
        let (code, told, stderr) = explain_by(file, "lent", (request, arguments));
        assert_eq!(code, expected, "{arguments:?} {stderr}{told}");
        assert!(!told.contains("secret") && !stderr.contains("-secret\n"), "{told}");
        let has_token = told.contains("x-amz-security-token: ***\n");
        assert_eq!(has_token, arguments.len() == token.len(), "{told}");
    }
}

#[test]
fn what_the_account_alone_knows_of_an_arn_is_no_refusal() {
    let file = "\
backends: {us: us-east-1}
routes: [{name: default, targets: [us, {backend: us, model: amazon.nova-lite-v1:0, priority: 1}]}]
";
    let of_123456789012 = "a1b2c3d4e5f6";
    for (resource, account) in [
        ("application-inference-profile/zz99zz99zz99", "111122223333"),
        (&*format!("application-inference-profile/{of_123456789012}"), "123456789012"),
        ("provisioned-model/zz99zz99zz99", "111122223333"),
        ("imported-model/zz99zz99zz99", "111122223333"),
    ] {
        let model = format!("arn:aws:bedrock:us-east-1:{account}:{resource}");
        let messages = r#""seed": 7, "messages": [{"role": "user", "content": "hello"}]"#;
        let request = format!(r#"{{"model": "{model}", {messages}}}"#);
        let (code, told, stderr) = explain_by(file, "arns", (&request, &["request.json"]));
        assert_eq!(code, Some(0), "{stderr}{told}");
        let has = |words: &str| told.contains(words);
        assert!(has(&format!("target   {model}\n")) && has("carrier  converse\n"), "{told}");
        assert!(has("behind   the account knows") && has("/converse\n"), "{told}");
        assert!(!has("refused") && !has("tried"), "{told}");
        assert!(has("loss     dropped seed ("), "{told}");
    }
}

#[test]
fn where_an_api_key_is_used_nothing_of_a_signature_is_shown() {
    let request =
        r#"{"model": "amazon.nova-lite-v1:0", "messages": [{"role": "user", "content": "hello"}]}"#;
    for (identity, is_signed) in [
        ("{api_key: {env: ABSENT}}", false),
        ("{profile: absent, mint_api_keys: true}", false),
        ("{profile: absent}", true),
    ] {
        let file = format!("backends: {{main: {{region: us-east-1, identity: {identity}}}}}\n");
        let (code, told, stderr) = explain_by(&file, "by-key", (request, &["request.json"]));
        assert_eq!(code, Some(0), "{stderr}{told}");
        assert!(told.contains("authorization: ***\n"), "{told}");
        assert_eq!(told.contains("x-amz-date: "), is_signed, "{told}");
    }
}

#[test]
fn a_line_of_curl_says_the_host_and_its_options_may_stand_together() {
    let file = "\
backends: {us: us-east-1}
routes:
  - {name: chat, match: {host: chat.example}, targets: us}
  - {name: rest, targets: us}
";
    let request =
        r#"{"model": "amazon.nova-lite-v1:0", "messages": [{"role": "user", "content": "hello"}]}"#;
    for (line, route) in [
        ("curl http://chat.example:8080/v1/chat/completions -d @request.json", "chat"),
        ("curl -sN me:word@CHAT.example/v1/chat/completions -d@request.json", "chat"),
        ("curl -fsSXPOST http://127.0.0.1:8080/v1/chat/completions -d @request.json", "rest"),
        ("curl -sSHhost:chat.example http://[::1]/v1/chat/completions -d @request.json", "chat"),
    ] {
        let arguments = ["--curl", line];
        let (code, told, stderr) = explain_by(file, "curl-host", (request, &arguments));
        assert_eq!(code, Some(0), "{line} {stderr}");
        assert!(told.contains(&format!("route    {route}\n")), "{line} {told}");
    }
    for (line, why) in [
        ("curl -sZ http://localhost/", "`-Z` is no option"),
        ("curl http://localhost/ -sX", "`-sX` needs a value"),
    ] {
        let (code, _, stderr) = explain_by(file, "curl-host", (request, &["--curl", line]));
        assert!(code == Some(2) && stderr.contains(why), "{line} {stderr}");
    }
}

#[test]
fn every_loss_is_told_also_where_clients_are_not_told_of_any() {
    const MANY: usize = 150;
    let members: Vec<String> =
        (0..MANY).map(|number| format!(r#""of_none; {number}": 1"#)).collect();
    let request = format!(
        r#"{{"model": "amazon.nova-lite-v1:0", {}, "messages": [{{"role": "user", "content": "hello"}}]}}"#,
        members.join(", ")
    );
    for fidelity in ["report", "lenient"] {
        let file = format!("backends: {{us: us-east-1}}\ndefaults: {{fidelity: {fidelity}}}\n");
        let (code, told, stderr) = explain_by(&file, "losses", (&request, &["request.json"]));
        assert_eq!(code, Some(0), "{stderr}");
        let losses = told.lines().filter(|line| line.starts_with("loss     dropped "));
        assert_eq!(losses.count(), MANY, "{told}");
    }
}
