//! `outcrop demo`: the main job on real sockets, with no AWS account.

mod client;
mod snippets;

use std::net::SocketAddr;

use anyhow::Context;
use outcrop_config::Severity;
use outcrop_core::{Gateway, ReceiptSink, Settings};
use outcrop_emulator::{Config, Emulator};
use outcrop_server::ServerConfig;
use serde_json::{Value, json};

use self::client::{Client, Piece};
use crate::access_log;
use crate::cli::{DemoArgs, LogFormat};
use crate::configuration::{emulated, single, told};
use crate::print::{print_line, print_text};
use crate::serve::bind;
use crate::stop::Stop;

/// A model of each kind: one that is asked over Converse, one that speaks Anthropic's own dialect.
pub const NOVA: &str = "amazon.nova-lite-v1:0";
pub const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const QUESTION: &str = "Hello Bedrock, are you there?";

pub async fn run(args: DemoArgs) -> anyhow::Result<()> {
    access_log::start(LogFormat::Text, "warn")?;
    let emulator = Emulator::bind(args.emulator_listen, Config::default())
        .await
        .with_context(|| format!("cannot start the emulator on {}", args.emulator_listen))?;
    let sink = ReceiptSink::new(|receipt| tracing::debug!(?receipt, "request"));
    let gateway = Gateway::new(Settings::default(), sink);
    let put_to_work = gateway.reload(&single(emulated(&emulator))).await;
    put_to_work.map_err(|found| anyhow::anyhow!(told(&found, Severity::Error)))?;
    let server = bind(args.listen, gateway, ServerConfig::default()).await?;
    let address = server.local_addr()?;
    print_line(&format!(
        "A local Bedrock answers at {}, Outcrop is in front of it at http://{address}.",
        emulator.base_url()
    ))?;
    let (stop_serving, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(server.serve(async move {
        // An error means that the sender is gone, which is as good a reason to stop.
        let _stop = stopped.await;
    }));
    chats(address).await?;
    if args.once {
        return Ok(());
    }
    print_line(&snippets::all(address, &emulator))?;
    print_line("Serving until Ctrl-C.")?;
    let mut stop = Stop::watch().context("cannot watch for signals")?;
    stop.asked().await;
    drop(stop_serving);
    tokio::select! {
        finished = serving => finished.map(drop).context("the gateway ended badly"),
        _ = stop.asked() => Ok(()),
    }
}

/// One chat through each surface.
async fn chats(address: SocketAddr) -> anyhow::Result<()> {
    let client = Client::new(address);
    heading("OpenAI Chat Completions, streaming", "POST /v1/chat/completions", NOVA)?;
    let body = json!({
        "model": NOVA, "stream": true, "stream_options": {"include_usage": true},
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": QUESTION}],
    });
    let openai = |data: &Value| Piece {
        text: data["choices"][0]["delta"]["content"].as_str().map(str::to_owned),
        usage: data["usage"]["total_tokens"].as_u64(),
    };
    finish(client.stream("/v1/chat/completions", &body, openai).await?)?;

    heading("Anthropic Messages, streaming", "POST /v1/messages", CLAUDE)?;
    let body = json!({
        "model": CLAUDE, "stream": true, "max_tokens": 200,
        "messages": [{"role": "user", "content": QUESTION}],
    });
    let anthropic = |data: &Value| Piece {
        text: data["delta"]["text"].as_str().map(str::to_owned),
        usage: data["usage"]["output_tokens"].as_u64(),
    };
    finish(client.stream("/v1/messages", &body, anthropic).await?)?;

    heading("Bedrock Converse", "POST /model/{id}/converse", NOVA)?;
    let body = json!({ "messages": [{"role": "user", "content": [{"text": QUESTION}]}] });
    let answer = client.ask("/model/amazon.nova-lite-v1%3A0/converse", &body).await?;
    let text = answer["output"]["message"]["content"][0]["text"].as_str();
    let text = text.with_context(|| format!("the answer holds no text: {answer}"))?;
    print_text(&format!("  {text}"))?;
    finish(answer["usage"]["totalTokens"].as_u64().unwrap_or_default())
}

fn heading(surface: &str, path: &str, model: &str) -> anyhow::Result<()> {
    print_line(&format!("\n{surface}: {path}, model {model}"))
}

fn finish(tokens: u64) -> anyhow::Result<()> {
    print_line(&format!("\n  ({tokens} tokens)"))
}
