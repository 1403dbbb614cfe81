//! `outcrop models test`: does a model answer this account?

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::kind_of;
use crate::cli::{Kind, TestModelsArgs};
use crate::engine::Engine;
use crate::exit::{Exit, Failure};
use crate::print::print_text;

pub async fn run(args: &TestModelsArgs) -> anyhow::Result<()> {
    let engine = Engine::start(&args.engine).await?;
    let width = args.models.iter().map(String::len).max().unwrap_or(0);
    let mut first = None;
    let mut failed = 0;
    for model in &args.models {
        let (outcome, took) = ask(&engine, model).await;
        let milliseconds = took.as_millis();
        let why = outcome.as_ref().err().map(|error| format!("{error:#}"));
        let line = match (args.json, &why) {
            (true, why) => json!({
                "model": model, "answers": why.is_none(), "latency_ms": milliseconds, "error": why
            })
            .to_string(),
            (false, None) => format!("{model:<width$}  answers in {milliseconds} ms"),
            (false, Some(why)) => format!("{model:<width$}  {why}"),
        };
        print_text(&format!("{line}\n"))?;
        if let Err(error) = outcome {
            failed += 1;
            first = first.or(error.downcast::<Failure>().ok());
        }
    }
    let all = args.models.len();
    match (failed, first) {
        (0, _) => Ok(()),
        (_, first) => {
            let exit = first.map_or(Exit::Other, |failure| failure.exit);
            Err(Failure::new(exit, format!("{failed} of {all} models did not answer.")).into())
        }
    }
}

async fn ask(engine: &Engine, model: &str) -> (anyhow::Result<()>, Duration) {
    let begun = Instant::now();
    let (path, body) = match kind_of(model) {
        Kind::Chat => ("/v1/chat/completions", chat(model)),
        Kind::Embeddings => ("/v1/embeddings", json!({ "model": model, "input": "Hi" })),
        Kind::Images | Kind::Rerank => {
            let what = "Only models of chats and of vectors are tried.";
            return (Err(Failure::new(Exit::InvalidArgument, what).into()), Duration::ZERO);
        }
    };
    let outcome = match engine.post(path, &body).await {
        Ok(answer) => answer.whole().await.map(|_| ()),
        Err(error) => Err(error),
    };
    (outcome, begun.elapsed())
}

fn chat(model: &str) -> Value {
    let messages = json!([{ "role": "user", "content": "Hi" }]);
    json!({ "model": model, "messages": messages, "max_completion_tokens": 16 })
}
