//! Credentials, endpoints and waits from flags and environment, without a process environment.

use std::time::Duration;

use outcrop_aws::{
    AwsClient, Backoff, ClientConfig, CredentialSource, Credentials, Endpoint, EndpointWish,
    IdentityWish, SetupError,
};

/// A stand-in for the environment.
fn env<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
    |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
}

/// The source that an environment describes, in a region and with no instance metadata.
async fn source(pairs: &[(&str, &str)]) -> Result<CredentialSource, SetupError> {
    let around = [("AWS_REGION", "us-east-1"), ("AWS_EC2_METADATA_DISABLED", "true")];
    let pairs = [&around[..], pairs].concat();
    let wish = EndpointWish::default();
    Ok(ClientConfig::from_env(wish, &IdentityWish::default(), &env(&pairs)).await?.credentials)
}

#[tokio::test]
async fn credentials_come_from_the_environment() {
    let check = async |pairs: &[(&str, &str)], expected: &str| {
        let source = source(pairs).await.unwrap();
        assert_eq!(source.to_string(), expected, "{pairs:?}");
    };
    let id = ("AWS_ACCESS_KEY_ID", " AKIDEXAMPLE\n");
    let secret = ("AWS_SECRET_ACCESS_KEY", "s3cr3t/+=");
    let bearer = ("AWS_BEARER_TOKEN_BEDROCK", "ABSKQmVkcm9jaw==\n");
    check(&[id, secret], "access key AKID…").await;
    check(&[id, secret, ("AWS_SESSION_TOKEN", "tok")], "access key AKID…").await;
    check(&[id, secret, bearer], "Bedrock API key").await;
    check(&[id, bearer], "Bedrock API key").await;
    check(&[id, secret, ("AWS_BEARER_TOKEN_BEDROCK", " ")], "access key AKID…").await;
}

#[tokio::test]
async fn unusable_credentials_are_refused_with_the_variable_s_name() {
    let check = async |pairs: &[(&str, &str)], words: &[&str]| {
        let error = match source(pairs).await {
            Ok(source) => source.begin().await.unwrap_err(),
            Err(error) => error,
        };
        let error = format!("{error} {}", error.hint().unwrap_or_default());
        for word in words {
            assert!(error.contains(word), "{error}");
        }
        assert!(!error.contains("s3cr3t"), "{error}");
    };
    check(
        &[],
        &[
            "AWS_BEARER_TOKEN_BEDROCK (not set)",
            "AWS_ACCESS_KEY_ID",
            "outcrop demo",
            "outcrop serve --emulator",
        ],
    )
    .await;
    check(&[("AWS_SESSION_TOKEN", "s3cr3t")], &["AWS_SESSION_TOKEN (set, but useless"]).await;
    check(
        &[("AWS_ACCESS_KEY_ID", "AKID")],
        &["AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is not"],
    )
    .await;
    check(
        &[("AWS_SECRET_ACCESS_KEY", "s3cr3t")],
        &["AWS_SECRET_ACCESS_KEY is set but AWS_ACCESS_KEY_ID is not"],
    )
    .await;
    check(
        &[("AWS_BEARER_TOKEN_BEDROCK", "s3cr3t\ns3cr3t")],
        &["AWS_BEARER_TOKEN_BEDROCK holds a blank or a control"],
    )
    .await;
    check(
        &[("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "s3cr3t s3cr3t")],
        &["AWS_SECRET_ACCESS_KEY holds"],
    )
    .await;
}

#[test]
fn secrets_cannot_be_printed() {
    let keys = Credentials::keys("AKIDEXAMPLE", "s3cr3t", Some("t0k3n")).unwrap();
    let bearer = Credentials::bearer("b34r3r").unwrap();
    for text in [
        format!("{keys:?} {bearer:?} {keys} {bearer}"),
        format!("{:?}", CredentialSource::Static(keys)),
    ] {
        for secret in ["s3cr3t", "t0k3n", "b34r3r", "AKIDEXAMPLE"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[test]
fn malformed_endpoints_are_refused() {
    for bad in [
        "",
        "localhost:80",
        "/path",
        "ftp://host",
        "https://",
        "https://host/?a=b",
        "https://user:s3cr3t@host",
        "https://ho st",
    ] {
        let error = Endpoint::parse(bad, "--endpoint-url").unwrap_err().to_string();
        assert!(error.contains("--endpoint-url") && !error.contains("s3cr3t"), "{error}");
    }
}

#[test]
fn the_target_keeps_every_byte_and_the_host_names_its_port() {
    let check = |base, path: &str, target: &str, host: &str| {
        let endpoint = Endpoint::parse(base, "test").unwrap();
        assert_eq!(endpoint.target(path).unwrap().to_string(), target);
        assert_eq!(endpoint.host(), host);
    };
    let path = "/model/arn:aws%3Abedrock%2Fx~y/converse?a=%2F&b";
    check("http://127.0.0.1:8080", path, &format!("http://127.0.0.1:8080{path}"), "127.0.0.1:8080");
    check("https://host:443/base/", path, &format!("https://host:443/base{path}"), "host");
    check("http://host:80", path, &format!("http://host:80{path}"), "host");
    check("https://host:80", path, &format!("https://host:80{path}"), "host:80");
    check("http://[::1]:9", path, &format!("http://[::1]:9{path}"), "[::1]:9");
    let endpoint = Endpoint::parse("http://host", "test").unwrap();
    for bad in ["", "model", "/a b", "/a#b", "/a\nb", "@other.example/x", "/\u{7f}"] {
        assert!(endpoint.target(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn waits_grow_with_jitter_up_to_the_cap_and_honour_the_service() {
    let backoff = Backoff::default();
    let millis = |attempt, asked, random| {
        backoff.delay(attempt, asked, random).expect("within the cap").as_millis()
    };
    assert_eq!([1, 2, 3, 4].map(|attempt| millis(attempt, None, 1.0)), [200, 400, 800, 1600]);
    assert_eq!([1, 2, 3, 4].map(|attempt| millis(attempt, None, 0.0)), [100, 200, 400, 800]);
    assert_eq!(millis(0, None, 1.0), 200);
    assert_eq!(millis(u32::MAX, None, 1.0), 20_000);
    assert_eq!(millis(1, Some(Duration::from_secs(3)), 0.5), 3000);
    assert_eq!(millis(1, Some(backoff.cap), 0.5), 20_000);
    assert_eq!(backoff.delay(1, Some(backoff.cap + Duration::from_millis(1)), 0.5), None);
    assert_eq!(millis(1, None, f64::NAN), 200);
    assert_eq!(millis(1, None, 7.0), 200);
    assert_eq!(
        [0, 1, 2, 3, 4].map(|made| backoff.allows_another(made)),
        [true, true, true, false, false]
    );
}

#[tokio::test]
async fn a_whole_client_is_set_up_from_the_environment() {
    let pairs = [
        ("AWS_REGION", "us-east-1"),
        ("AWS_BEARER_TOKEN_BEDROCK", "absk"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_CA_BUNDLE", "/certs.pem"),
    ];
    let config =
        ClientConfig::from_env(EndpointWish::default(), &IdentityWish::default(), &env(&pairs))
            .await
            .unwrap();
    assert_eq!(config.extra_roots.as_deref(), Some(std::path::Path::new("/certs.pem")));
    let hour = Duration::from_secs(3600);
    assert!(
        config.timeouts.first_byte > hour && config.timeouts.total > hour,
        "Bedrock may take an hour"
    );
    // No certificate is needed where Bedrock's endpoints use no TLS, whatever STS does.
    let sts = Endpoint::parse("https://sts.us-east-1.amazonaws.com", "test").unwrap();
    for sts in [config.endpoints.sts.clone(), sts] {
        let mut config = config.clone();
        config.endpoints.sts = sts;
        let client = AwsClient::new(config).unwrap();
        assert_eq!(client.endpoints().runtime.to_string(), "http://127.0.0.1:1");
    }
}
