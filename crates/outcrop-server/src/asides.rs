//! Paths of Bedrock's APIs beside inference.

use http::Method;
use outcrop_core::{Aside, Call, Operation};
use outcrop_model::Dialect;

use crate::routes::Route;

/// The route of a path that is one of these, whatever the method.
pub(crate) fn route(method: &Method, path: &str) -> Option<Route> {
    let (first, rest) = match path.strip_prefix('/')?.split_once('/') {
        Some((first, rest)) => (first, Some(rest)),
        None => (&path[1..], None),
    };
    let calls: &[Call] = match (first, rest) {
        ("foundation-models", None) => &[Call::ListFoundationModels],
        ("foundation-models", Some(_)) => &[Call::GetFoundationModel],
        ("inference-profiles", None) => &[Call::ListInferenceProfiles],
        ("inference-profiles", Some(_)) => &[Call::GetInferenceProfile],
        ("guardrail", Some(rest)) if is_apply(rest) => &[Call::ApplyGuardrail],
        ("guardrail-checks", Some("invoke")) => &[Call::InvokeGuardrailChecks],
        ("async-invoke", None) => &[Call::ListAsyncInvokes, Call::StartAsyncInvoke],
        ("async-invoke", Some(_)) => &[Call::GetAsyncInvoke],
        ("rerank", None) => &[Call::Rerank],
        _ => return None,
    };
    if rest == Some("") {
        return None;
    }
    let Some(call) = calls.iter().find(|call| call.method() == method) else {
        let allow = match calls {
            [_, _] => "GET, POST",
            [call, ..] if call.method() == Method::GET => "GET",
            _ => "POST",
        };
        return Some(Route::WrongMethod { dialect: Dialect::Native, allow });
    };
    let path = one_segment(*call, path, rest);
    Some(Route::Operation(Operation::Aside(Aside { call: *call, path })))
}

/// `{id}/version/{version}/apply`
fn is_apply(rest: &str) -> bool {
    let parts = rest.strip_suffix("/apply").and_then(|rest| rest.rsplit_once("/version/"));
    parts.is_some_and(|(id, version)| {
        !id.is_empty() && !version.is_empty() && !version.contains('/')
    })
}

/// The path with its id as one segment: a client may have left the slash of an ARN as it is.
fn one_segment(call: Call, path: &str, rest: Option<&str>) -> String {
    let encoded = |text: &str| text.replace('/', "%2F");
    let Some(rest) = rest else { return path.to_owned() };
    let head = &path[..path.len() - rest.len()];
    match (call, rest.rsplit_once("/version/")) {
        (Call::InvokeGuardrailChecks, _) => path.to_owned(),
        (Call::ApplyGuardrail, Some((id, tail))) => format!("{head}{}/version/{tail}", encoded(id)),
        _ => format!("{head}{}", encoded(rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: Method, path: &str) -> Option<(Call, String)> {
        match route(&method, path)? {
            Route::Operation(Operation::Aside(Aside { call, path })) => Some((call, path)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_call_has_its_path() {
        for (method, path, call) in [
            (Method::GET, "/foundation-models", Call::ListFoundationModels),
            (Method::GET, "/foundation-models/a.b-v1%3A0", Call::GetFoundationModel),
            (Method::GET, "/inference-profiles", Call::ListInferenceProfiles),
            (Method::GET, "/inference-profiles/us.a.b", Call::GetInferenceProfile),
            (Method::POST, "/guardrail/g1/version/DRAFT/apply", Call::ApplyGuardrail),
            (Method::POST, "/guardrail-checks/invoke", Call::InvokeGuardrailChecks),
            (Method::POST, "/async-invoke", Call::StartAsyncInvoke),
            (Method::GET, "/async-invoke", Call::ListAsyncInvokes),
            (Method::GET, "/async-invoke/arn%3Aaws%2Fx", Call::GetAsyncInvoke),
            (Method::POST, "/rerank", Call::Rerank),
        ] {
            assert_eq!(found(method, path), Some((call, path.to_owned())), "{path}");
        }
    }

    #[test]
    fn an_arn_with_its_slash_is_one_segment() {
        for (method, path, sent) in [
            (Method::GET, "/inference-profiles/arn:a/b", "/inference-profiles/arn:a%2Fb"),
            (Method::GET, "/async-invoke/arn:a/b", "/async-invoke/arn:a%2Fb"),
            (
                Method::POST,
                "/guardrail/arn:a/b/version/1/apply",
                "/guardrail/arn:a%2Fb/version/1/apply",
            ),
        ] {
            assert_eq!(found(method, path).unwrap().1, sent);
        }
    }

    #[test]
    fn other_paths_and_methods_are_none_of_these() {
        for path in
            ["/", "/foundation-models/", "/guardrail/g/apply", "/guardrail-checks", "/rerank/x"]
        {
            assert!(route(&Method::GET, path).is_none(), "{path}");
        }
        let wrong = |allow| Some(Route::WrongMethod { dialect: Dialect::Native, allow });
        assert_eq!(route(&Method::DELETE, "/async-invoke"), wrong("GET, POST"));
        assert_eq!(route(&Method::POST, "/foundation-models"), wrong("GET"));
        assert_eq!(route(&Method::GET, "/rerank"), wrong("POST"));
    }
}
