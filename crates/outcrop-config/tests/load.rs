//! Texts in, configuration and diagnostics out: each file of `tests/fixtures` beside its `.out`, which
//! `OUTCROP_BLESS=1` rewrites.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says no by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use outcrop_config::{
    Config, Diagnostic, IdentitySource, Lookup, Origin, Pattern, Secret, Secrets, Severity, Source,
    has_errors, load, print,
};

struct Surroundings;

impl Lookup for Surroundings {
    fn variable(&self, name: &str) -> Option<String> {
        match name {
            "REGION" => Some("eu-west-1".to_owned()),
            "KEY" => Some("sk-from-environment".to_owned()),
            "NUMBER" => Some("7".to_owned()),
            "DECK_CHAT_MODEL" => Some("us.anthropic.claude-sonnet-4-5-20250929-v1:0".to_owned()),
            "DECK_REGION" => Some("eu-west-1".to_owned()),
            "DECK_TOKENS" => Some("512".to_owned()),
            "DECK_KEY_ID" | "DECK_SECRET" | "DECK_APP_KEY" => Some("of-deck".to_owned()),
            "DECK_BEDROCK_KEY" => Some("sk-of-deck".to_owned()),
            "DECK_HEADER" => Some("Bearer sk-of-header".to_owned()),
            "EMPTY" | "DECK_EMPTY" => Some(String::new()),
            "HOME" => Some("/of/me".to_owned()),
            "EVIL" => Some("a\nbackends: {b: {}} # \"".to_owned()),
            _ => None,
        }
    }

    fn file(&self, path: &Path) -> Result<String, String> {
        match path.to_str() {
            Some("prices.toml" | "/of/me/.aws/credentials") => Ok(String::new()),
            _ => Err("no such file".to_owned()),
        }
    }
}

fn shown(config: &Config, diagnostics: &[Diagnostic]) -> String {
    let mut out = String::new();
    for Diagnostic { severity, origin, what, hint } in diagnostics {
        out.push_str(&format!("{severity:?} {origin}\n  {what}\n"));
        if let Some(hint) = hint {
            out.push_str(&format!("  -> {hint}\n"));
        }
    }
    format!("{out}---\n{}", print(config, Secrets::Hidden))
}

/// Without the places, which say where a thing was written.
fn placeless(mut config: Config) -> Config {
    let origins = config.backends.values_mut().map(|backend| &mut backend.origin);
    let origins = origins.chain(config.names.iter_mut().map(|name| &mut name.origin));
    let origins = origins.chain(config.routes.iter_mut().map(|route| &mut route.origin));
    let origins = origins.chain(config.admission.keys.iter_mut().map(|key| &mut key.origin));
    let origins = origins.chain(config.admission.issuers.iter_mut().map(|one| &mut one.origin));
    let origins = origins.chain(config.limits.iter_mut().map(|limit| &mut limit.origin));
    origins.for_each(|origin| *origin = Origin::default());
    config
}

/// What is printed is read as the same.
fn round_trip(name: &str, config: Config) {
    if config.routes.is_empty() {
        // All of it was wrong: what is printed would have the default route.
        return;
    }
    let printed = print(&config, Secrets::Shown);
    let (again, diagnostics) = load(&[Source { name, text: &printed }], &Surroundings);
    let quiet = diagnostics.iter().all(|diagnostic| diagnostic.severity < Severity::Error);
    assert!(quiet, "{name}: {diagnostics:#?}\n{printed}");
    assert_eq!(placeless(again), placeless(config), "{name}:\n{printed}");
}

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
    files.sort();
    files
}

#[test]
fn fixtures_say_what_is_beside_them() {
    let mut wrong = Vec::new();
    for path in fixtures() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let (config, diagnostics) = load(&[Source { name, text: &text }], &Surroundings);
        let got = shown(&config, &diagnostics);
        round_trip(name, config);
        let beside = path.with_extension("out");
        if std::env::var_os("OUTCROP_BLESS").is_some() {
            fs::write(&beside, &got).unwrap();
        } else if fs::read_to_string(&beside).unwrap_or_default() != got {
            wrong.push(format!("{name}:\n{got}"));
        }
    }
    assert!(wrong.is_empty(), "differs from its .out:\n{}", wrong.join("\n"));
}

#[test]
fn nothing_is_a_configuration() {
    let (config, diagnostics) = load(&[], &Surroundings);
    assert_eq!(diagnostics, []);
    assert_eq!(config.backends.keys().collect::<Vec<_>>(), ["default"]);
    assert_eq!(config.routes.len(), 1);
    assert_eq!(config.routes[0].targets[0].backend, "default");
}

#[test]
fn an_empty_file_is_no_configuration() {
    for text in ["", "# nothing\n", "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n"] {
        let (config, diagnostics) = load(&[Source { name: "f.yaml", text }], &Surroundings);
        assert!(has_errors(&diagnostics), "{text}: {diagnostics:?}");
        assert!(config.routes.is_empty(), "{text}");
    }
}

const GATEWAY: &str = "apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gw}
spec: {gatewayClassName: eg, listeners: [{name: http, protocol: HTTP, port: 8080}]}
";

#[test]
fn objects_of_a_gateway_without_a_route_open_nothing() {
    let others = [
        "apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIRoute
metadata: {name: misspelt}
spec: {rules: [{backendRefs: [{name: b}]}]}
",
        "apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: empty}
spec: {parentRefs: [{name: gw}], rules: []}
",
        "apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: empty}
spec: {parentRefs: [{name: gw}], rules: []}
",
        "apiVersion: agentgateway.dev/v1alpha1
kind: AgentgatewayBackend
metadata: {name: forgotten}
spec: {ai: {provider: {bedrock: {region: us-east-1}}}}
",
        "apiVersion: agentgateway.dev/v1alpha1
kind: AgentgatewayModel
metadata: {name: m}
spec: {visibility: Internal, parentRefs: [{name: gw}], provider: {bedrock: {region: us-east-1}}}
",
    ];
    for other in others {
        let text = format!("{GATEWAY}---\n{other}");
        let (config, diagnostics) = load(&[Source { name: "f.yaml", text: &text }], &Surroundings);
        let is_said = diagnostics.iter().any(|one| one.what.contains("there is nothing to serve"));
        assert!(is_said && has_errors(&diagnostics), "{other}: {diagnostics:#?}");
        assert!(config.routes.is_empty() && config.backends.is_empty(), "{other}");
    }
}

#[test]
fn an_empty_condition_of_kong_is_an_error() {
    for condition in ["paths: [~]", "hosts: ['']", "methods: [{a: b}]", "headers: {x: [~, a]}"] {
        let text = format!(
            "_format_version: '3.0'
services:
  - name: s
    url: http://localhost
    routes:
      - name: r
        {condition}
        plugins:
          - name: ai-proxy
            config: {{route_type: llm/v1/chat, model: {{provider: bedrock, name: m}}}}
"
        );
        let (_, diagnostics) = load(&[Source { name: "k.yaml", text: &text }], &Surroundings);
        let is_said = diagnostics.iter().any(|one| one.what.contains("every request"));
        assert!(is_said && has_errors(&diagnostics), "{condition}: {diagnostics:#?}");
    }
}

#[test]
fn a_file_of_kong_without_a_route_that_is_served_opens_nothing() {
    let asking = "{name: bedrock-proxy, config: {region: us-east-1, model: m}}";
    let beside = "listeners: 127.0.0.1:4000\nlimits: {name: l, requests: 1, window: 1m, when: {routes: speech}}\n";
    for of_kong in [
        "services: [{name: off, enabled: false, routes: [{name: r, paths: [/r]}]}]",
        "services: [{name: off, enabled: false}]\nroutes: [{name: r, service: off, paths: [/r]}]",
        "services: [{name: without-routes}]",
        "services: []",
    ] {
        let text = format!("_format_version: '3.0'\nplugins: [{asking}]\n{of_kong}\n");
        let sources = [
            Source { name: "kong.yaml", text: &text },
            Source { name: "outcrop.yaml", text: beside },
        ];
        let (config, diagnostics) = load(&sources, &Surroundings);
        let is_said = diagnostics.iter().any(|one| one.what.contains("there is nothing to serve"));
        assert!(is_said && has_errors(&diagnostics), "{text}: {diagnostics:#?}");
        assert!(config.routes.is_empty() && config.backends.is_empty(), "{text}");
        // Nothing else is told to be there.
        let unknown = diagnostics.iter().find(|one| one.what == "there is no route `speech`");
        assert_eq!(unknown.map(|one| &one.hint), Some(&None), "{text}");
    }
}

/// Counters are kept under the names of limits, and what is known of a backend under its name.
#[test]
fn what_kong_has_keeps_its_name_when_others_come() {
    let file = |top: &str, of_service: &str, service: &str| {
        format!(
            "_format_version: '3.0'
plugins:
{top}- {{name: ai-proxy, config: {{route_type: llm/v1/chat, model: {{provider: bedrock, name: m}}}}}}
- {{name: rate-limiting, config: {{minute: 1}}}}
- {{name: rate-limiting, consumer: bob, config: {{minute: 2}}}}
- {{name: rate-limiting, service: a, config: {{minute: 3}}}}
- {{name: rate-limiting, route: y, instance_name: named, config: {{minute: 4}}}}
consumers:
{of_service}- {{username: bob, keyauth_credentials: [{{key: k}}]}}
services:
{service}- name: a
  routes:
  - {{name: x, paths: [/x]}}
  - {{name: y, paths: [/y]}}
  - {{paths: [/z], plugins: [{{name: rate-limiting, config: {{minute: 5}}}}]}}
  - {{paths: [/z], methods: [GET], hosts: [h.example]}}
- {{name: b, routes: [{{name: w, paths: [/w]}}]}}
"
        )
    };
    let named = |text: &str| -> [Vec<String>; 3] {
        let (config, diagnostics) = load(&[Source { name: "k.yaml", text }], &Surroundings);
        assert!(!has_errors(&diagnostics), "{text}: {diagnostics:#?}");
        let limits = config.limits.into_iter().map(|one| format!("{} {}", one.name, one.amount));
        let routes = config.routes.into_iter().map(|route| route.name);
        [limits.collect(), routes.collect(), config.backends.into_keys().collect()]
    };
    let before = named(&file("", "", ""));
    let after = named(&file(
        "- {name: rate-limiting, consumer: carol, config: {minute: 6}}\n",
        "- {username: carol, keyauth_credentials: [{key: l}]}\n",
        "- {name: c, plugins: [{name: rate-limiting, config: {minute: 7}}], routes: [{name: v, paths: [/v]}]}\n",
    ));
    let counts = |all: &[Vec<String>; 3]| all.each_ref().map(Vec::len);
    assert_eq!((counts(&before), counts(&after)), ([5, 5, 5], [7, 6, 6]), "{before:?} {after:?}");
    let stays = |(before, after): (&Vec<String>, &Vec<String>)| {
        before.iter().all(|name| after.contains(name))
    };
    assert!(before.iter().zip(&after).all(stays), "{before:?} {after:?}");
}

/// A limit of Envoy's keeps its name, under which its counters are, when others come, go or change places.
#[test]
fn limits_of_envoy_are_named_by_what_they_count() {
    const OF_ALL: &str = "{limit: {requests: 1, unit: Minute}}";
    const OF_FREE: &str = "{clientSelectors: [{headers: [{name: x-user, type: Distinct}, {name: x-plan, value: s3cr3t-free}]}], limit: {requests: 2, unit: Minute}}";
    const AGAIN: &str = "{clientSelectors: [{headers: [{name: X-Plan, value: s3cr3t-free, type: Exact}]}, {headers: [{name: x-user, type: Distinct}]}], limit: {requests: 3, unit: Minute}}";
    const OTHERS: [&str; 6] = [
        "{clientSelectors: [{headers: [{name: x-user, type: Distinct}, {name: x-plan, value: other}]}], limit: {requests: 4, unit: Minute}}",
        "{clientSelectors: [{headers: [{name: x-user, type: Distinct}, {name: x-plan, value: s3cr3t-free, invert: true}]}], limit: {requests: 5, unit: Minute}}",
        "{clientSelectors: [{headers: [{name: x-ai-eg-model, value: s3cr3t-free}]}], limit: {requests: 6, unit: Minute}}",
        "{clientSelectors: [{sourceCIDR: {value: 10.0.0.0/8}}], limit: {requests: 7, unit: Minute}}",
        "{limit: {requests: 8, unit: Hour}}",
        "{limit: {requests: 9, unit: Minute}, shared: true}",
    ];
    let objects = fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/envoy-older.yaml"),
    );
    let objects = objects.unwrap();
    let named = |rules: &[&str]| {
        let limits = format!("rateLimit: {{global: {{rules: [{}]}}}}", rules.join(", "));
        let text = objects.replace("retry: {numRetries: 2}", &limits);
        let (config, diagnostics) = load(&[Source { name: "e.yaml", text: &text }], &Surroundings);
        assert!(!has_errors(&diagnostics), "{diagnostics:#?}");
        config.limits.iter().map(|one| (one.amount, one.name.clone())).collect::<BTreeMap<_, _>>()
    };
    let all = named(&[&[OF_ALL, OF_FREE][..], &OTHERS].concat());
    let names: BTreeSet<&String> = all.values().collect();
    assert_eq!((all.len(), names.len()), (8, 8), "{all:?}");
    assert!(
        names.iter().all(|name| name.starts_with("all-") && !name.contains("s3cr3t")),
        "{all:?}"
    );
    for (rules, amount) in [(&[OF_ALL][..], 1), (&[OF_FREE], 2), (&[OTHERS[4], OF_FREE], 2)] {
        assert_eq!(named(rules)[&amount], all[&amount], "{rules:?}");
    }
    // The same in another order is the same; two that count the same are told apart.
    assert_eq!(named(&[AGAIN])[&3], all[&2]);
    assert_eq!(named(&[OF_FREE, AGAIN])[&3], format!("{}-2", all[&2]));
}

/// So do those of agentgateway's policies.
#[test]
fn limits_of_agentgateway_are_named_by_what_they_count() {
    let named = |limits: &[&str]| {
        let text = format!(
            "\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: r}}
spec: {{rules: [{{backendRefs: [{{group: agentgateway.dev, kind: AgentgatewayBackend, name: b}}]}}]}}
---
apiVersion: agentgateway.dev/v1alpha1
kind: AgentgatewayBackend
metadata: {{name: b}}
spec: {{ai: {{provider: {{bedrock: {{region: us-east-1}}}}}}}}
---
apiVersion: agentgateway.dev/v1alpha1
kind: AgentgatewayPolicy
metadata: {{name: p}}
spec:
  targetRefs: [{{group: gateway.networking.k8s.io, kind: HTTPRoute, name: r}}]
  traffic: {{rateLimit: {{local: [{}]}}}}
",
            limits.join(", ")
        );
        let (config, diagnostics) = load(&[Source { name: "a.yaml", text: &text }], &Surroundings);
        assert!(!has_errors(&diagnostics), "{diagnostics:#?}");
        config.limits.iter().map(|one| (one.amount, one.name.clone())).collect::<BTreeMap<_, _>>()
    };
    const A_MINUTE: &str = "{requests: 1, unit: Minutes}";
    const TOKENS: &str = "{tokens: 2, unit: Minutes}";
    const AN_HOUR: &str = "{requests: 3, unit: Hours}";
    const AGAIN: &str = "{requests: 4, unit: Minutes}";
    let all = named(&[A_MINUTE, TOKENS, AN_HOUR, AGAIN]);
    let names: BTreeSet<&String> = all.values().collect();
    assert_eq!((all.len(), names.len()), (4, 4), "{all:?}");
    assert_eq!(all[&4], format!("{}-2", all[&1]));
    assert_eq!(
        named(&[AN_HOUR, TOKENS]),
        BTreeMap::from([2, 3].map(|one| (one, all[&one].clone())))
    );
    // Of the amount it is the same.
    assert_eq!(named(&[AGAIN])[&4], all[&1]);
}

/// One may be a secret that belongs elsewhere.
#[test]
fn what_is_said_holds_no_value_of_a_variable() {
    struct Tok;
    impl Lookup for Tok {
        fn variable(&self, name: &str) -> Option<String> {
            (name == "TOK").then(|| "hunter2".to_owned())
        }
    }
    for (text, said) in [
        ("keys: [{name: k, token: {env: A}, expires: $TOK}]", "`$TOK` is no point in time"),
        ("defaults: {fidelity: $TOK}", "`$TOK` is not known here"),
        ("backends: {us: {region: us-east-1, timeouts: {connect: ' ${TOK} '}}}", "${TOK}"),
        ("keys: [{name: k, token: 'abc$hunter2'}]", "a `$` stands in a word"),
        ("backends: {us: {region: $NONE}}", "the variable NONE is not set"),
    ] {
        let (_, diagnostics) = load(&[Source { name: "o.yaml", text }], &Tok);
        let told = format!("{diagnostics:?}");
        assert!(told.contains(said) && !told.contains("hunter2"), "{text}: {told}");
    }
}

/// Files that ask for the default route get it beside objects that only hold secrets.
#[test]
fn a_secret_beside_a_configuration_changes_nothing() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: b}\n";
    let sources = [
        Source { name: "outcrop.yaml", text: "backends: {us: us-east-1}" },
        Source { name: "secret.yaml", text: secret },
    ];
    let (config, diagnostics) = load(&sources, &Surroundings);
    assert!(!has_errors(&diagnostics), "{diagnostics:?}");
    assert_eq!(config.routes[0].targets[0].backend, "us");
}

/// What is hidden in the fixture's output: which secret it is, whatever file the Secret is in.
#[test]
fn secrets_of_kubernetes_are_what_is_meant() {
    let refers = "keys: [{name: k, token: {kubernetes: {namespace: n, name: s, key: a.b}}}]";
    let secret = |data: &str| {
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: s, namespace: n}}\n{data}\n")
    };
    for (data, shown) in [
        ("data: {a.b: c2VjcmV0Cg==}", "inline: secret"),
        ("stringData: {a.b: ' written '}\ndata: {a.b: c2VjcmV0Cg==}", "inline: written"),
        ("stringData: {a.b: '${KEY}'}", "env: KEY"),
    ] {
        let secret = secret(data);
        let own = Source { name: "outcrop.yaml", text: refers };
        let beside = Source { name: "secret.yaml", text: &secret };
        for sources in [[own, beside], [beside, own]] {
            let (config, diagnostics) = load(&sources, &Surroundings);
            assert_eq!(diagnostics, [], "{data}");
            let printed = print(&config, Secrets::Shown);
            assert!(printed.contains(shown), "{data}: {printed}");
        }
    }
}

#[test]
fn several_sources_are_one_configuration() {
    let sources = [
        Source { name: "routes.yaml", text: "routes: [{name: r, targets: us}]" },
        Source { name: "backends.yaml", text: "backends: {us: us-east-1}" },
        Source { name: "again.yaml", text: "---\n---\nbackends: {us: us-west-2}\n---\n" },
    ];
    let (config, diagnostics) = load(&sources, &Surroundings);
    assert_eq!(config.routes[0].targets[0].backend, "us");
    assert_eq!(config.backends["us"].region.as_deref(), Some("us-east-1"));
    let [one] = &diagnostics[..] else { panic!("{diagnostics:?}") };
    assert_eq!(
        (one.severity, one.origin.to_string()),
        (Severity::Error, "again.yaml:3:16 (backends.us)".to_owned())
    );
    assert!(one.hint.as_ref().unwrap().contains("backends.yaml:1:16"), "{one:?}");
}

#[test]
fn examples_have_nothing_to_be_told() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut seen = 0;
    for example in fs::read_dir(folder).unwrap() {
        let path = example.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let (config, diagnostics) = load(&[Source { name, text: &text }], &Surroundings);
        assert_eq!(diagnostics, [], "{name}");
        assert!(text.starts_with("# yaml-language-server: $schema=../schema/"), "{name}");
        round_trip(name, config);
        seen += 1;
    }
    assert!(seen >= 6, "{seen}");
}

/// Headers and members that are called as credentials are, wherever they are changed.
/// A `config/providers/aws.yaml` of mcp-cli's with these members in its `config`.
fn mcp_cli(members: &str) -> String {
    format!("interface_type: aws_bedrock\nprovider_name: p\nconfig:\n{members}")
}

/// Whether in quotes or not.
#[test]
fn unset_variables_of_mcp_cli_are_empty() {
    let members = [
        "aws_region",
        "region",
        "api_key",
        "api_endpoint",
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_session_token",
        "profile",
        "role",
        "external_id",
        "default_model",
        "default_embedding_model",
        "timeout_seconds",
        "max_retries",
    ];
    let loaded = |value: &dyn Fn(&str) -> String| {
        let lines = members.iter().map(|name| format!("  {name}: {}\n", value(name)));
        let text = mcp_cli(&lines.collect::<String>());
        load(&[Source { name: "aws.yaml", text: &text }], &Surroundings)
    };
    let (nothing, _) = load(&[Source { name: "aws.yaml", text: &mcp_cli("  {}") }], &Surroundings);
    let values: [&dyn Fn(&str) -> String; 5] = [
        &|_| "${NONE}".to_owned(),
        &|_| "\"${NONE}\"".to_owned(),
        &|_| "' '".to_owned(),
        &|name| if name.ends_with("key_id") { "${NONE}" } else { "'${EMPTY}'" }.to_owned(),
        &|name| if name.ends_with("key_id") { "'$NONE'" } else { "$EMPTY" }.to_owned(),
    ];
    for value in values {
        let (config, diagnostics) = loaded(value);
        assert_eq!(diagnostics, [], "{}", value(""));
        assert_eq!(placeless(config), placeless(nothing.clone()), "{}", value(""));
    }
    let (config, _) = loaded(&|name| if name == "profile" { "work" } else { "'$NONE'" }.to_owned());
    assert_eq!(config.backends["p"].identity.source, IdentitySource::Profile("work".to_owned()));
}

#[test]
fn an_empty_region_or_profile_is_none() {
    let loaded = |text| load(&[Source { name: "outcrop.yaml", text }], &Surroundings);
    let (plain, _) = loaded("backends: {b: {}}\n");
    for text in [
        "backends: {b: '${NONE:-}'}\n",
        "backends:\n  b:\n    region: ${NONE:-}\n",
        "backends: {b: {region: '${NONE:-}', identity: {profile: '${EMPTY}'}}}\n",
    ] {
        let (config, diagnostics) = loaded(text);
        assert_eq!(diagnostics, [], "{text}");
        assert_eq!(placeless(config), placeless(plain.clone()), "{text}");
    }
    let (config, _) = loaded(
        "backends: {b: {identity: {credentials_file: {text: {env: FILE}, profile: '${EMPTY}'}}}}\n",
    );
    let IdentitySource::CredentialsFile { profile, .. } = &config.backends["b"].identity.source
    else {
        panic!("{config:#?}")
    };
    assert_eq!(profile, "default");
}

#[test]
fn no_default_model_of_mcp_cli_is_lost() {
    let lists = "  embedding_models: {e: {dimensions: 4}}\n";
    let asks = "  default_embedding_model: e\n";
    let (embed, own) = ("p-embeddings-of-provider", "p-embeddings");
    for (folder, members, expected) in [
        ("providers", format!("{lists}{asks}"), vec![(embed, Some("e")), ("p", None)]),
        ("providers", format!("{lists}  default_model: e\n"), vec![(own, Some("e"))]),
        ("embeddings", format!("{lists}{asks}"), vec![(own, Some("e"))]),
        ("mine", format!("{lists}{asks}"), vec![(own, Some("e"))]),
        ("mine", asks.to_owned(), vec![(embed, Some("e")), ("p", None)]),
        ("embeddings", format!("{asks}  default_model: f\n"), vec![(own, Some("f"))]),
    ] {
        let name = format!("config/{folder}/aws.yaml");
        let (config, diagnostics) =
            load(&[Source { name: &name, text: &mcp_cli(&members) }], &Surroundings);
        let routes = config.routes.iter();
        let routes = routes.map(|one| (one.name.as_str(), one.targets[0].model.as_deref()));
        assert_eq!(routes.collect::<Vec<_>>(), expected, "{folder}: {members}");
        let is_lost = expected == [(own, Some("f"))];
        assert_eq!(diagnostics.len(), usize::from(is_lost), "{members}: {diagnostics:#?}");
    }
}

#[test]
fn a_default_provider_of_mcp_cli_may_be_in_another_section_or_file() {
    const EMBEDDING: &str = "default_embedding_model: cohere.embed-english-v3, embedding_models: {cohere.embed-english-v3: {}}";
    const OWN: &str = "interface_type: aws_bedrock\nprovider_name: own\nconfig: {default_model: amazon.nova-pro-v1:0}\n";
    const WHOLE: &str =
        "{interfaces: {aws_bedrock: {providers: {other: {default_model: amazon.nova-lite-v1:0}}}}";
    let elsewhere = "interfaces: {openai_compatible: {providers: {openai: {api_key: x}}}}";
    let of_bedrock = "interfaces: {aws_bedrock: {providers: {vectors: {default_model: cohere.embed-english-v3}}}}";
    let embeds = format!(
        "ai: {{interfaces: {{aws_bedrock: {{providers: {{a: {{default_model: amazon.nova-lite-v1:0, {EMBEDDING}}}}}}}}}}}\n"
    );
    let of_a = ["a-embeddings-of-provider", "a"].as_slice();
    for (text, own, expected) in [
        (format!("{embeds}embeddings: {{default_provider: a, {elsewhere}}}\n"), "", of_a),
        (
            format!("{embeds}embeddings: {{default_provider: a, {of_bedrock}}}\n"),
            "",
            &["a-embeddings-of-provider", "vectors-embeddings", "a"],
        ),
        (format!("ai: {WHOLE}, default_provider: own}}\n"), OWN, &["own", "other"]),
        (
            format!("ai: {WHOLE}, providers: {{old: {{}}}}, default_provider: old}}\n"),
            "",
            &["other"],
        ),
        (format!("ai: {WHOLE}, default_provider: own}}\n"), "", &["Error"]),
    ] {
        let sources = [
            Source { name: "config.yaml", text: &text },
            Source { name: "config/providers/own.yaml", text: own },
        ];
        let many = if own.is_empty() { 1 } else { 2 };
        let (config, diagnostics) = load(&sources[..many], &Surroundings);
        let names: Vec<&str> = config.routes.iter().map(|route| route.name.as_str()).collect();
        match expected {
            ["Error"] => assert!(has_errors(&diagnostics), "{text}"),
            expected => {
                assert!(!has_errors(&diagnostics), "{text}: {diagnostics:#?}");
                assert_eq!(names, expected, "{text}");
            }
        }
    }
}

/// A machine with one file, on which `NAME` is set and nothing else.
struct WithFile(&'static str, &'static str);

impl Lookup for WithFile {
    fn variable(&self, name: &str) -> Option<String> {
        (name == "NAME").then(|| "set".to_owned())
    }

    fn file(&self, path: &Path) -> Result<String, String> {
        let is_it = path == Path::new(self.0);
        if is_it { Ok(self.1.to_owned()) } else { Err("no such file".to_owned()) }
    }
}

#[test]
fn what_only_the_env_file_of_mcp_cli_sets_is_told() {
    const ENV: &str = "# keys\nexport KEY=AKIACANARY\nSECRET = 'canary'\nNAME=n\nREGION=\n";
    let text = mcp_cli(
        "  aws_region: ${REGION}\n  aws_access_key_id: ${KEY}\n  aws_secret_access_key: \"$SECRET\"\n  default_model: ${NAME}\n",
    );
    for (name, env, is_told) in [
        ("config/providers/aws.yaml", ".env", true),
        ("/x/config/embeddings/aws.yaml", "/x/.env", true),
        ("/x/config/providers/aws.yaml", "/x/config/providers/.env", false),
        ("/x/config/providers/aws.yaml", "/x/config/.env", false),
        ("aws.yaml", ".env", true),
        ("/x/y/aws.yaml", "/x/.env", false),
        ("config/providers/aws.yaml", "other/.env", false),
    ] {
        let (_, diagnostics) = load(&[Source { name, text: &text }], &WithFile(env, ENV));
        let said = format!("{env} is read by the command line only: not set here: KEY, SECRET");
        let told: Vec<(&str, u64)> = diagnostics
            .iter()
            .map(|one| (one.what.as_str(), u64::try_from(one.origin.line).unwrap()))
            .collect();
        let expected = if is_told { vec![(said.as_str(), 5)] } else { Vec::new() };
        assert_eq!(told, expected, "{name}");
    }
}

#[test]
fn files_of_mcp_cli_without_bedrock_open_nothing() {
    for of_mcp_cli in [
        "interface_type: openai_compatible\nprovider_name: openai\nconfig: {api_key: x}\n",
        "ai: {interfaces: {openai_compatible: {providers: {openai: {api_key: x}}}}}\n",
        "ai: {interfaces: {openai_compatible: {api_key: x}}}\n",
        "ai: {interfaces: {}}\n",
    ] {
        for beside in ["defaults: {fidelity: strict}\n", "backends: {b: us-east-1}\n"] {
            let sources = [
                Source { name: "openai.yaml", text: of_mcp_cli },
                Source { name: "outcrop.yaml", text: beside },
            ];
            let (config, diagnostics) = load(&sources, &Surroundings);
            let is_said = |one: &Diagnostic| one.what.contains("there is nothing to serve");
            assert!(diagnostics.iter().any(is_said), "{of_mcp_cli}: {diagnostics:#?}");
            assert!(config.routes.is_empty(), "{of_mcp_cli}");
        }
    }
}

#[test]
fn keys_of_the_environment_come_with_their_session_token() {
    let own = "  aws_access_key_id: ${AWS_ACCESS_KEY_ID}\n  aws_secret_access_key: ${AWS_SECRET_ACCESS_KEY}\n";
    let others = "  aws_access_key_id: ${ID}\n  aws_secret_access_key: ${AWS_SECRET_ACCESS_KEY}\n";
    let token = |name: &str| Some(Secret::Env(name.to_owned()));
    for (keys, written, expected) in [
        (own, "", token("AWS_SESSION_TOKEN")),
        (own, "  aws_session_token: ${TOKEN}\n", token("TOKEN")),
        (own, "  aws_session_token: ''\n", None),
        (others, "", None),
    ] {
        let text = mcp_cli(&format!("{keys}{written}"));
        let set = |name: &str| Some(format!("the {name}"));
        let (config, diagnostics) = load(&[Source { name: "aws.yaml", text: &text }], &set);
        assert_eq!(diagnostics, [], "{text}");
        let source = &config.backends["p"].identity.source;
        let IdentitySource::Keys { session_token, .. } = source else { panic!("{source:?}") };
        assert_eq!(*session_token, expected, "{text}");
    }
}

#[test]
fn secrets_in_changes_are_hidden_and_read_again() {
    const WRITTEN: &str = "\
backends: {b: us-east-1}
defaults:
  headers: {add: {Cookie: s3cr3t-1, x-team: plain}}
routes:
  - name: r
    match: {headers: {x-api-key: 's3cr3t-7*', cookie: '*'}, query: {token: {suffix: s3cr3t-8}}}
    policy:
      headers: [{set: {authorization: 'Bearer s3cr3t-2', x-api-key: s3cr3t-3}}, {remove: cookie}]
      body: {set: {metadata.session_token: s3cr3t-4, max_tokens: 7, metadata: {a: [{api_key: {b: s3cr3t-5}}], c: plain}}}
    targets: [{backend: b, headers: {set: {X-My-Secret: s3cr3t-6}}}]
limits:
  - name: l
    requests: 1
    window: day
    when: {headers: {x-key: {exact: 's3cr3t-9'}}}
    unless: {headers: {x-secret: {regex: s3cr3t-10}}}
";
    struct Hidden;
    impl Lookup for Hidden {
        fn variable(&self, name: &str) -> Option<String> {
            let number = name.strip_prefix("OUTCROP_SECRET_")?;
            let bearer = if number == "2" { "Bearer " } else { "" };
            Some(format!("{bearer}s3cr3t-{number}"))
        }

        fn file(&self, _: &Path) -> Result<String, String> {
            Err("no such file".to_owned())
        }
    }
    let (config, diagnostics) = load(&[Source { name: "w.yaml", text: WRITTEN }], &Hidden);
    assert!(!has_errors(&diagnostics), "{diagnostics:#?}");
    let printed = print(&config, Secrets::Hidden);
    assert!(!printed.contains("s3cr3t") && printed.contains("plain"), "{printed}");
    assert!(printed.starts_with("# 10 secrets stood in the configuration."), "{printed}");
    let (again, diagnostics) = load(&[Source { name: "p.yaml", text: &printed }], &Hidden);
    assert!(!has_errors(&diagnostics), "{diagnostics:#?}\n{printed}");
    assert_eq!(placeless(again), placeless(config), "{printed}");
}

/// Each is written, and what cannot be under its own text is a regular expression that matches the same.
#[test]
fn names_of_the_same_text_are_all_printed() {
    const FIRST: &str = "\
models:
  'f*t': {model: a, name_is: exact}
  fast: {model: b, name_is: regex}
  '(?:fast)': {model: c, name_is: regex}
";
    const SECOND: &str = "models: {fast: d, 'f*t': e}\n";
    let sources = [FIRST, SECOND].map(|text| Source { name: "n.yaml", text });
    let (config, diagnostics) = load(&sources, &Surroundings);
    assert!(!has_errors(&diagnostics), "{diagnostics:#?}");
    let printed = print(&config, Secrets::Shown);
    let (again, diagnostics) = load(&[Source { name: "p.yaml", text: &printed }], &Surroundings);
    assert!(!has_errors(&diagnostics), "{diagnostics:#?}\n{printed}");
    let regex = |text: &str| Pattern::Regex(text.to_owned());
    let names = again.names.iter().map(|name| (&*name.model, name.listed, name.pattern.clone()));
    let expected = [
        ("a", true, regex(r"f\*t")),
        ("b", false, regex("fast")),
        ("c", false, regex("(?:fast)")),
        ("d", true, regex("(?:(?:fast))")),
        ("e", false, Pattern::Wildcard("f*t".to_owned())),
    ];
    assert_eq!(names.collect::<Vec<_>>(), expected, "{printed}");
}

/// What is hidden in the fixtures' output: which secret it is.
#[test]
fn secrets_of_kong_are_what_is_meant() {
    let auth = |value: &str| {
        format!(
            "_format_version: '3.0'
services: [{{name: s, routes: [{{name: r, paths: [/]}}]}}]
plugins:
- name: ai-proxy
  config:
    model: {{provider: bedrock, name: m}}
    auth:
      header_name: Authorization
      header_value: {value}
"
        )
    };
    let redis = |rest: &str| {
        format!(
            "{}- {{name: rate-limiting, config: {{minute: 1, policy: redis, redis: {{{rest}}}}}}}\n",
            auth("x")
        )
    };
    for (text, shown) in [
        (auth("Bearer sk-1"), "api_key: {inline: sk-1}"),
        (auth("bearer  sk-1"), "api_key: {inline: sk-1}"),
        (auth("sk-1"), "api_key: {inline: sk-1}"),
        (auth("Bearer ${{ env \"DECK_BEDROCK_KEY\" }}"), "api_key: {env: DECK_BEDROCK_KEY}\n"),
        (auth("\"Bearer ${{ env \"DECK_BEDROCK_KEY\" }}\""), "api_key: {env: DECK_BEDROCK_KEY}\n"),
        (auth("${{ env \"DECK_HEADER\" }}"), "api_key: {inline: sk-of-header}"),
        (auth("'{vault://env/deck-header}'"), "api_key: {inline: sk-of-header}"),
        (auth("'{vault://env/deck-bedrock-key}'"), "api_key: {env: DECK_BEDROCK_KEY}\n"),
        (
            redis("host: h, username: 'a@b', password: 'p/?#: ü'"),
            "redis://a%40b:p%2F%3F%23%3A%20%C3%BC@h:6379/0",
        ),
        (redis("host: '::1', ssl: true"), "rediss://[::1]:6379/0"),
        (redis("host: h, password: '{vault://env/deck-secret}'"), "redis://:of-deck@h:6379/0"),
        (redis("host: '{vault://env/deck-secret}'"), "redis://of-deck:6379/0"),
    ] {
        let (config, diagnostics) = load(&[Source { name: "k.yaml", text: &text }], &Surroundings);
        assert!(!has_errors(&diagnostics), "{text}: {diagnostics:#?}");
        let printed = print(&config, Secrets::Shown);
        assert!(printed.contains(shown), "{shown}:\n{printed}");
    }
}
