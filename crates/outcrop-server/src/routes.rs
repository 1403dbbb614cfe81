//! URL → operation, on the raw path.

use http::Method;
use outcrop_core::{Operation, Specialty};
use outcrop_model::{Carrier, Dialect};

use crate::{asides, elsewhere};

/// What a path and method stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// A request for a model.
    Operation(Operation),
    ListModels,
    /// The raw, still encoded id.
    GetModel(String),
    /// Answers of the Responses API that are kept; the raw, still encoded id.
    GetResponse(String),
    DeleteResponse(String),
    Health,
    Ready,
    /// `HEAD /`: some clients probe it.
    Probe,
    /// The path is known, the method is not its own; `allow` is what is.
    WrongMethod {
        dialect: Dialect,
        allow: &'static str,
    },
    /// A part of a vendor's API that Bedrock has nothing for. Without a dialect, the headers tell.
    Elsewhere {
        dialect: Option<Dialect>,
        what: &'static str,
    },
    Unknown {
        dialect: Dialect,
        /// The known path that was perhaps meant.
        meant: Option<String>,
    },
}

// === impl Route ===

impl Route {
    /// The dialect in which to speak of a problem on this path.
    fn dialect(&self) -> Dialect {
        match self {
            Route::Operation(operation) => operation.dialect(),
            Route::WrongMethod { dialect, .. } | Route::Unknown { dialect, .. } => *dialect,
            Route::GetResponse(_) | Route::DeleteResponse(_) => Dialect::Responses,
            Route::Elsewhere { dialect, .. } => dialect.unwrap_or(Dialect::OpenAiChat),
            Route::ListModels
            | Route::GetModel(_)
            | Route::Health
            | Route::Ready
            | Route::Probe => Dialect::OpenAiChat,
        }
    }
}

/// Matches a request. `path` is the raw path without query.
pub fn route(method: &Method, path: &str) -> Route {
    match exact(method, path) {
        Route::Unknown { dialect, .. } => unknown(method, path, dialect),
        found => found,
    }
}

/// A path that is right but for slashes (a base URL with one at its end) is not served, since a relay
/// must not guess, but it is named, in the dialect that was meant.
fn unknown(method: &Method, path: &str, dialect: Dialect) -> Route {
    let tidy = tidy(path);
    match exact(method, &tidy) {
        Route::Unknown { dialect: nearer, .. } => {
            let dialect = if tidy == path { dialect } else { nearer };
            Route::Unknown { dialect, meant: None }
        }
        found => Route::Unknown { dialect: found.dialect(), meant: Some(tidy) },
    }
}

/// `path` without empty segments.
fn tidy(path: &str) -> String {
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    segments.fold(String::with_capacity(path.len()), |tidy, segment| tidy + "/" + segment)
}

fn exact(method: &Method, path: &str) -> Route {
    match path {
        "/" if method == Method::HEAD || method == Method::GET => return Route::Probe,
        "/health" => return get(method, Route::Health),
        "/ready" => return get(method, Route::Ready),
        _ => {}
    }
    if let Some(rest) = path.strip_prefix("/model/") {
        return bedrock(method, rest);
    }
    if let Some(found) = asides::route(method, path) {
        return found;
    }
    let (dialect, rest) = surface(path);
    match rest {
        "/v1/chat/completions" if dialect != Some(Dialect::Anthropic) => {
            post(method, Operation::ChatCompletions)
        }
        "/v1/completions" if dialect != Some(Dialect::Anthropic) => {
            post(method, Operation::Completions)
        }
        "/v1/responses" if dialect != Some(Dialect::Anthropic) => {
            post(method, Operation::Responses)
        }
        "/v1/responses/input_tokens" if dialect != Some(Dialect::Anthropic) => {
            post(method, Operation::CountResponses)
        }
        "/v1/messages" if dialect != Some(Dialect::OpenAiChat) => post(method, Operation::Messages),
        "/v1/messages/count_tokens" if dialect != Some(Dialect::OpenAiChat) => {
            post(method, Operation::CountMessages)
        }
        "/v1/chat" if dialect.is_none() => post(method, Operation::KongChat),
        "/v1/embeddings" if dialect != Some(Dialect::Anthropic) => {
            post(method, Operation::Special(Specialty::Embeddings))
        }
        "/v1/images/generations" if dialect != Some(Dialect::Anthropic) => {
            post(method, Operation::Special(Specialty::Images))
        }
        "/v1/rerank" if dialect.is_none() => {
            post(method, Operation::Special(Specialty::Rerank { version: 1 }))
        }
        "/v2/rerank" if dialect.is_none() => {
            post(method, Operation::Special(Specialty::Rerank { version: 2 }))
        }
        "/v1/models" => get(method, Route::ListModels),
        other => below(method, dialect, other),
    }
}

/// Paths that go on with an id.
fn below(method: &Method, dialect: Option<Dialect>, path: &str) -> Route {
    if let Some(id) = path.strip_prefix("/v1/models/").filter(|id| !id.is_empty()) {
        return get(method, Route::GetModel(id.to_owned()));
    }
    if dialect != Some(Dialect::Anthropic)
        && let Some(id) = path.strip_prefix("/v1/responses/").filter(|id| !id.is_empty())
    {
        return kept_response(method, id);
    }
    match elsewhere::find(path, dialect) {
        Some((dialect, what)) => Route::Elsewhere { dialect, what },
        None => nothing(guess(dialect, path)),
    }
}

/// `{id}`; all that goes on from there, and what needs no id, is not there.
fn kept_response(method: &Method, id: &str) -> Route {
    if id.contains('/') || id == "compact" {
        let dialect = Some(Dialect::Responses);
        return Route::Elsewhere { dialect, what: "This part of the Responses API" };
    }
    match *method {
        Method::GET | Method::HEAD => Route::GetResponse(id.to_owned()),
        Method::DELETE => Route::DeleteResponse(id.to_owned()),
        _ => Route::WrongMethod { dialect: Dialect::Responses, allow: "GET, HEAD, DELETE" },
    }
}

/// Takes off the prefix under which SDKs look for one dialect.
fn surface(path: &str) -> (Option<Dialect>, &str) {
    for (prefix, dialect) in [("/openai", Dialect::OpenAiChat), ("/anthropic", Dialect::Anthropic)]
    {
        if let Some(rest) = path.strip_prefix(prefix)
            && rest.starts_with('/')
        {
            return (Some(dialect), rest);
        }
    }
    (None, path)
}

/// The dialect in which to say that a path is not known.
fn guess(dialect: Option<Dialect>, path: &str) -> Dialect {
    match dialect {
        Some(dialect) => dialect,
        None if path.starts_with("/v1/messages") => Dialect::Anthropic,
        None if path.starts_with("/v1/responses") => Dialect::Responses,
        None if path.starts_with("/v1/") => Dialect::OpenAiChat,
        None => Dialect::Native,
    }
}

/// `{id}/{verb}`, where the id may hold raw slashes if a client did not encode its ARN.
fn bedrock(method: &Method, rest: &str) -> Route {
    let Some((model, verb)) = rest.rsplit_once('/') else {
        return nothing(Dialect::Native);
    };
    let (carrier, stream) = match verb {
        "converse" => (Carrier::Converse, false),
        "converse-stream" => (Carrier::Converse, true),
        "invoke" => (Carrier::Invoke, false),
        "invoke-with-response-stream" => (Carrier::Invoke, true),
        "count-tokens" => (Carrier::CountTokens, false),
        _ => return nothing(Dialect::Native),
    };
    if model.is_empty() {
        return nothing(Dialect::Native);
    }
    post(method, Operation::Bedrock { model: model.replace('/', "%2F"), carrier, stream })
}

fn nothing(dialect: Dialect) -> Route {
    Route::Unknown { dialect, meant: None }
}

fn post(method: &Method, operation: Operation) -> Route {
    match method == Method::POST {
        true => Route::Operation(operation),
        false => Route::WrongMethod { dialect: operation.dialect(), allow: "POST" },
    }
}

fn get(method: &Method, route: Route) -> Route {
    match method == Method::GET || method == Method::HEAD {
        true => route,
        false => Route::WrongMethod { dialect: Dialect::OpenAiChat, allow: "GET, HEAD" },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model_of(path: &str) -> String {
        match route(&Method::POST, path) {
            Route::Operation(Operation::Bedrock { model, .. }) => model,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn model_ids_stay_as_they_came() {
        assert_eq!(model_of("/model/a.b-v1%3A0/converse"), "a.b-v1%3A0");
        assert_eq!(model_of("/model/a.b-v1:0/invoke"), "a.b-v1:0");
        let encoded =
            "arn%3Aaws%3Abedrock%3Aus-east-1%3A111122223333%3Aapplication-inference-profile%2Fab12";
        assert_eq!(model_of(&format!("/model/{encoded}/converse-stream")), encoded);
        assert_eq!(model_of("/model/arn:aws:x:profile/ab/invoke"), "arn:aws:x:profile%2Fab");
    }

    #[test]
    fn aliases_lead_to_the_same_surface() {
        for path in ["/v1/chat/completions", "/openai/v1/chat/completions"] {
            assert_eq!(route(&Method::POST, path), Route::Operation(Operation::ChatCompletions));
        }
        for path in ["/v1/completions", "/openai/v1/completions"] {
            assert_eq!(route(&Method::POST, path), Route::Operation(Operation::Completions));
        }
        for path in ["/v1/messages/count_tokens", "/anthropic/v1/messages/count_tokens"] {
            assert_eq!(route(&Method::POST, path), Route::Operation(Operation::CountMessages));
        }
        for path in ["/v1/responses/input_tokens", "/openai/v1/responses/input_tokens"] {
            assert_eq!(route(&Method::POST, path), Route::Operation(Operation::CountResponses));
        }
        for path in ["/v1/messages", "/anthropic/v1/messages"] {
            assert_eq!(route(&Method::POST, path), Route::Operation(Operation::Messages));
        }
        for path in ["/v1/embeddings", "/openai/v1/embeddings"] {
            let operation = Operation::Special(Specialty::Embeddings);
            assert_eq!(route(&Method::POST, path), Route::Operation(operation));
        }
        for path in ["/v1/images/generations", "/openai/v1/images/generations"] {
            let operation = Operation::Special(Specialty::Images);
            assert_eq!(route(&Method::POST, path), Route::Operation(operation));
        }
        for (path, version) in [("/v1/rerank", 1), ("/v2/rerank", 2)] {
            let operation = Operation::Special(Specialty::Rerank { version });
            assert_eq!(route(&Method::POST, path), Route::Operation(operation));
        }
        assert_eq!(
            route(&Method::GET, "/openai/v1/models/a%2Fb"),
            Route::GetModel("a%2Fb".to_owned())
        );
    }

    #[test]
    fn responses_are_asked_for_read_and_deleted() {
        for path in ["/v1/responses", "/openai/v1/responses"] {
            assert_eq!(route(&Method::POST, path), Route::Operation(Operation::Responses));
        }
        let id = || "resp_1".to_owned();
        assert_eq!(route(&Method::GET, "/v1/responses/resp_1"), Route::GetResponse(id()));
        assert_eq!(route(&Method::DELETE, "/v1/responses/resp_1"), Route::DeleteResponse(id()));
        for path in [
            "/v1/responses/resp_1/cancel",
            "/v1/responses/resp_1/input_items",
            "/openai/v1/responses/compact",
            "/v1/conversations",
            "/v1/conversations/conv_1/items",
        ] {
            let found = route(&Method::POST, path);
            assert!(matches!(found, Route::Elsewhere { .. }), "{path}: {found:?}");
        }
    }

    #[test]
    fn wrong_turns_are_told_in_the_paths_own_dialect() {
        let wrong = Route::WrongMethod { dialect: Dialect::Anthropic, allow: "POST" };
        assert_eq!(route(&Method::GET, "/v1/messages"), wrong);
        for (path, dialect) in [
            ("/v1/messages/drafts", Dialect::Anthropic),
            ("/v1/sculptures", Dialect::OpenAiChat),
            ("/model/x/explode", Dialect::Native),
        ] {
            assert_eq!(route(&Method::POST, path), Route::Unknown { dialect, meant: None });
        }
    }

    #[test]
    fn a_slash_too_many_is_named_in_the_dialect_that_was_meant() {
        for (path, dialect, meant) in [
            ("//v1/messages", Dialect::Anthropic, "/v1/messages"),
            ("/v1//messages/", Dialect::Anthropic, "/v1/messages"),
            ("/v1/chat/completions/", Dialect::OpenAiChat, "/v1/chat/completions"),
            ("//model/x/converse", Dialect::Converse, "/model/x/converse"),
        ] {
            let meant = Some(meant.to_owned());
            assert_eq!(route(&Method::POST, path), Route::Unknown { dialect, meant }, "{path}");
        }
        assert_eq!(
            route(&Method::POST, "//v1/nothing/"),
            Route::Unknown { dialect: Dialect::OpenAiChat, meant: None }
        );
    }
}
