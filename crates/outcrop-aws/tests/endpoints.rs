//! Each host is botocore's, and so is what decides between configured ones, over committed vectors
//! (`tests/data/generate_endpoints.py` writes them).

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;

use outcrop_aws::{Endpoint, EndpointWish, Endpoints, Environment, Region, Service, SetupError};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    services: Vec<String>,
    /// Region → variant → URL of each service.
    rules: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    settings: Vec<Setting>,
}

#[derive(Deserialize)]
struct Setting {
    environment: BTreeMap<String, Option<String>>,
    config: String,
    expected: BTreeMap<String, Expected>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Expected {
    Refused(String),
    /// URL, region and service of the signature.
    Sent(String, String, String),
}

const DEFAULT_REGION: &str = "AWS_DEFAULT_REGION";

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("data/endpoints_botocore.json")).unwrap()
}

fn service(id: &str) -> Service {
    match id {
        "bedrock-runtime" => Service::Runtime,
        "bedrock" => Service::Control,
        "bedrock-agent-runtime" => Service::AgentRuntime,
        "sts" => Service::Sts,
        other => panic!("{other}"),
    }
}

/// What `variables` and a config file lead to, with the flags of `wish`.
async fn resolved(
    wish: EndpointWish<'_>,
    variables: &BTreeMap<&str, &str>,
    config: &str,
) -> Result<Endpoints, SetupError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), config).unwrap();
    let path = file.path().display().to_string();
    let lookup = |name: &str| match name {
        "AWS_CONFIG_FILE" => Some(path.clone()),
        name => variables.get(name).map(|value| (*value).to_owned()),
    };
    let environment = Environment::new(None, &lookup).await?;
    Endpoints::resolve(wish, &environment)
}

async fn of_variables(pairs: &[(&str, &str)]) -> Result<Endpoints, SetupError> {
    resolved(EndpointWish::default(), &pairs.iter().copied().collect(), "").await
}

#[tokio::test]
async fn every_host_is_that_of_botocores_rules() {
    let vectors = vectors();
    assert!(vectors.rules.len() > 50);
    for (region, variants) in &vectors.rules {
        for (variant, urls) in variants {
            let mut variables = BTreeMap::new();
            for (word, variable) in
                [("fips", "AWS_USE_FIPS_ENDPOINT"), ("dualstack", "AWS_USE_DUALSTACK_ENDPOINT")]
            {
                if variant.split(',').any(|one| one == word) {
                    variables.insert(variable, "true");
                }
            }
            let wish = EndpointWish { region: Some(region), endpoint_url: None };
            let endpoints = resolved(wish, &variables, "").await.unwrap();
            for (id, url) in vectors.services.iter().zip(urls) {
                let service = service(id);
                assert_eq!(endpoints.of(service).to_string(), *url, "{region} {variant}");
                assert_eq!(endpoints.signing_region(service).as_str(), region, "{url}");
            }
        }
    }
}

#[tokio::test]
async fn variables_and_profile_decide_as_in_botocore() {
    let vectors = vectors();
    assert!(vectors.settings.len() > 30);
    for Setting { environment, config, expected } in &vectors.settings {
        let mut variables = BTreeMap::from([(DEFAULT_REGION, "us-east-1")]);
        for (name, value) in environment {
            match value {
                Some(value) => variables.insert(name, value),
                None => variables.remove(name.as_str()),
            };
        }
        let got = resolved(EndpointWish::default(), &variables, config).await;
        let told = format!("{environment:?} {config}");
        match got {
            Ok(endpoints) => {
                for (id, expected) in expected {
                    let service = service(id);
                    let sent = Expected::Sent(
                        endpoints.of(service).to_string(),
                        endpoints.signing_region(service).as_str().to_owned(),
                        service.signing_name().to_owned(),
                    );
                    assert_eq!(sent, *expected, "{told}");
                }
            }
            Err(SetupError::MissingRegion) => is_refused(expected, "NoRegionError", &told),
            Err(SetupError::MissingServices { .. }) => {
                is_refused(expected, "InvalidConfigError", &told);
            }
            // AWS's rules forbid it. botocore's client asks them with another host than the one that is
            // configured, and then sends to that: here nobody believes to have FIPS who has not.
            Err(SetupError::HostVariantWithEndpoint { .. }) => {
                assert!(told.contains("AWS_USE_") && told.contains("http://"), "{told}");
            }
            Err(other) => panic!("{other}: {told}"),
        }
    }
}

fn is_refused(expected: &BTreeMap<String, Expected>, name: &str, told: &str) {
    let runtime = &expected["bedrock-runtime"];
    assert_eq!(*runtime, Expected::Refused(name.to_owned()), "{told}");
}

#[tokio::test]
async fn mantle_has_one_suffix_and_its_own_signing_name() {
    let check = async |pairs: &[(&str, &str)], expected: &str| {
        let endpoints = of_variables(pairs).await.unwrap();
        assert_eq!(endpoints.of(Service::Mantle).to_string(), expected);
    };
    let (region, gov) = (("AWS_REGION", "eu-west-1"), ("AWS_REGION", "us-gov-west-1"));
    check(&[region], "https://bedrock-mantle.eu-west-1.api.aws").await;
    check(&[gov], "https://bedrock-mantle.us-gov-west-1.api.aws").await;
    let own = ("AWS_ENDPOINT_URL_BEDROCK_MANTLE", "http://own:6/m");
    check(&[region, own], "http://own:6/m").await;
    check(&[region, ("AWS_ENDPOINT_URL", "http://any:1")], "http://any:1").await;
    // Rather a host that may not be there than one without FIPS.
    let fips = ("AWS_USE_FIPS_ENDPOINT", "true");
    check(&[region, fips], "https://bedrock-mantle-fips.eu-west-1.api.aws").await;
    assert_eq!(Service::Mantle.signing_name(), "bedrock-mantle");
}

#[tokio::test]
async fn the_flag_is_about_bedrock_and_wins_over_all() {
    let wish = EndpointWish { region: Some("eu-west-1"), endpoint_url: Some("http://flag:4") };
    let variables = BTreeMap::from([
        ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "http://runtime:2"),
        ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"),
    ]);
    let endpoints = resolved(wish, &variables, "").await.unwrap();
    for service in
        [Service::Runtime, Service::Control, Service::Agent, Service::AgentRuntime, Service::Mantle]
    {
        assert_eq!(endpoints.of(service).to_string(), "http://flag:4");
    }
    assert_eq!(endpoints.of(Service::Sts).to_string(), "https://sts.eu-west-1.amazonaws.com");
}

#[tokio::test]
async fn a_host_of_awss_is_signed_for_the_region_that_it_names() {
    const VPCE: &str = "https://vpce-0a1b-c2d3.bedrock-runtime.us-west-2.vpce.amazonaws.com";
    let runtime = ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", VPCE);
    let region =
        |endpoints: &Endpoints, service| endpoints.signing_region(service).as_str().to_owned();
    // One is set as well: it still decides about the services that nobody gave a host.
    let endpoints = of_variables(&[("AWS_REGION", "eu-west-1"), runtime]).await.unwrap();
    assert_eq!(region(&endpoints, Service::Runtime), "us-west-2");
    assert_eq!(endpoints.of(Service::Runtime).host(), &VPCE["https://".len()..]);
    assert_eq!(endpoints.region.as_str(), "us-west-2");
    assert_eq!(region(&endpoints, Service::Control), "eu-west-1");
    let own = ("AWS_ENDPOINT_URL_BEDROCK", "http://control:3");
    let endpoints = of_variables(&[("AWS_REGION", "eu-west-1"), runtime, own]).await.unwrap();
    assert_eq!(region(&endpoints, Service::Control), "eu-west-1");
    // None is set.
    let endpoints = of_variables(&[runtime]).await.unwrap();
    assert_eq!(endpoints.of(Service::Sts).to_string(), "https://sts.us-west-2.amazonaws.com");

    let named = |url: &str| {
        Endpoint::parse(url, "test").unwrap().region().map(|region| region.as_str().to_owned())
    };
    for (url, region) in [
        ("https://bedrock-runtime.us-east-1.amazonaws.com", "us-east-1"),
        ("https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("https://bedrock-mantle.eu-west-1.api.aws", "eu-west-1"),
        ("https://bedrock.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("https://vpce-1.sts.eu-central-1.vpce.amazonaws.com:8443/base", "eu-central-1"),
        ("https://vpce-1-us-west-2a.bedrock-runtime.us-west-2.vpce.amazonaws.com", "us-west-2"),
        ("http://bedrock-runtime.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1"),
    ] {
        assert_eq!(named(url).as_deref(), Some(region), "{url}");
    }
    for url in [
        "https://proxy.example/bedrock-runtime.us-east-1.amazonaws.com",
        "https://bedrock-runtime.us-east-1.amazonaws.com.example",
        "https://bedrock-runtime.us-east-1.evilamazonaws.com",
        "https://s3.us-east-1.amazonaws.com",
        "https://bedrock-runtime.amazonaws.com",
        "https://us-east-1.amazonaws.com",
        "http://127.0.0.1:1",
    ] {
        assert_eq!(named(url), None, "{url}");
    }
}

#[tokio::test]
async fn regions_are_sought_in_order_and_checked() {
    let check = async |flag, pairs: &[(&str, &str)], expected: Option<&str>| {
        let variables: BTreeMap<&str, &str> = pairs.iter().copied().collect();
        let lookup = |name: &str| variables.get(name).map(|value| (*value).to_owned());
        let environment = Environment::new(None, &lookup).await.unwrap();
        let told = Region::told(flag, &environment).unwrap();
        assert_eq!(told.as_ref().map(Region::as_str), expected, "{pairs:?}");
    };
    let (first, second) = (("AWS_REGION", "eu-west-1"), ("AWS_DEFAULT_REGION", "eu-west-2"));
    check(Some("us-east-1"), &[first, second], Some("us-east-1")).await;
    check(None, &[first, second], Some("eu-west-1")).await;
    check(None, &[second], Some("eu-west-2")).await;
    check(None, &[("AWS_REGION", ""), second], Some("eu-west-2")).await;
    check(None, &[], None).await;
    for bad in
        ["", "us_east_1", "US-EAST-1", "-us", "us-", "us.east", "us-east-1/x", &"a".repeat(64)]
    {
        assert!(matches!(Region::new(bad, "test"), Err(SetupError::BadRegion { .. })), "{bad}");
    }
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_with_its_place() {
    let check = async |variables: &[(&str, &str)], config: &str, words: &[&str]| {
        let around = [(DEFAULT_REGION, "us-east-1")];
        let variables = around.iter().chain(variables).copied().collect();
        let error = resolved(EndpointWish::default(), &variables, config).await.unwrap_err();
        for word in words {
            assert!(error.to_string().contains(word), "{error}");
        }
    };
    let fips = [("AWS_USE_FIPS_ENDPOINT", "yes")];
    check(&fips, "", &["yes", "AWS_USE_FIPS_ENDPOINT", "true"]).await;
    let config = "[default]\nuse_dualstack_endpoint = 1\n";
    check(&[], config, &["`1`", "AWS_USE_DUALSTACK_ENDPOINT", "profile"]).await;
    check(&[], "[default]\nservices = x\n", &["[services x]"]).await;
    check(&[], "[default]\nendpoint_url = nowhere\n", &["nowhere", "the AWS profile"]).await;
    let config = "[default]\nregion = Europe\n";
    check(&[(DEFAULT_REGION, "")], config, &["Europe", "the AWS profile"]).await;
    check(&[], "[default]\nregion\n", &["line 2"]).await;
    let both = [("AWS_USE_FIPS_ENDPOINT", "true"), ("AWS_ENDPOINT_URL", "http://any:1")];
    check(&both, "", &["AWS_USE_FIPS_ENDPOINT", "AWS_ENDPOINT_URL"]).await;
}
