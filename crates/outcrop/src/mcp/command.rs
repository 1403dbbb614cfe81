//! `outcrop mcp`: servers and their tools, by hand.

mod define;
mod import;

use std::io::{IsTerminal, Read};
use std::time::Instant;

use anyhow::Context;
use serde_json::{Value, json};

use super::call::{Called, arguments};
use super::definition::{Breadth, Definition, Trust, find};
use super::result::{Images, told};
use super::serve::serve;
use super::server::{Login, Server, Tool, with_said};
use super::{note, printable};
use crate::cli::{
    McpArgs, McpCallArgs, McpListArgs, McpLoginArgs, McpReachArgs, McpTestArgs, McpVerb,
};
use crate::exit::{Exit, Failure};
use crate::print::{print_line, print_text};
use crate::render::neutral;
use crate::stop::Stop;
use crate::table::{line, table};

pub async fn run(args: McpArgs) -> anyhow::Result<()> {
    match args.verb {
        None => list(&McpListArgs::default()),
        Some(McpVerb::List(args)) => list(&args),
        Some(McpVerb::Add(args)) => define::add(args),
        Some(McpVerb::Test(args)) => test(&args).await,
        Some(McpVerb::Call(args)) => by_hand(&args).await,
        Some(McpVerb::Import(args)) => import::import(&args),
        Some(McpVerb::Login(args)) => login(&args).await,
        Some(McpVerb::Logout(args)) => logout(&args),
        Some(McpVerb::Rm(args)) => define::remove(&args.name),
        Some(McpVerb::Serve(args)) => serve(&args).await,
    }
}

fn list(args: &McpListArgs) -> anyhow::Result<()> {
    let found = find(&args.files.mcp_config, Breadth::All)?;
    for what in &found.notes {
        note(what);
    }
    show_all(&found.definitions, args.json)?;
    match args.strict && !found.notes.is_empty() {
        true => {
            Err(Failure::new(Exit::InvalidArgument, "The definitions are not all fine.").into())
        }
        false => Ok(()),
    }
}

fn show_all(definitions: &[Definition], json: bool) -> anyhow::Result<()> {
    if json {
        let all: Vec<Value> = definitions.iter().map(in_json).collect();
        return print_line(&format!("{:#}", Value::Array(all)));
    }
    if definitions.is_empty() {
        note("no server is defined; `outcrop mcp add` defines one");
        return Ok(());
    }
    let rows = definitions.iter().map(|definition| {
        vec![
            line(&printable(&definition.name), 30),
            started(definition.trust).to_owned(),
            line(&definition.in_words(), 60),
            line(&printable(&definition.source.to_string_lossy()), 60),
        ]
    });
    print_text(&table(&["SERVER", "STARTED", "HOW", "DEFINED IN"], rows))
}

fn started(trust: Trust) -> &'static str {
    match trust {
        Trust::Named | Trust::Own => "always",
        Trust::OtherProgram | Trust::Folder => "by name",
    }
}

/// Without the values of variables and headers, which may be secret.
fn in_json(definition: &Definition) -> Value {
    let Definition { name, way: _, dollars: _, source, trust } = definition;
    json!({
        "name": name, "how": definition.in_words(), "source": source,
        "started": started(*trust),
    })
}

async fn test(args: &McpTestArgs) -> anyhow::Result<()> {
    let begun = Instant::now();
    let (server, definition) = connected(&args.name, &args.reach).await?;
    let tools = server.tools(args.reach.server_timeout).await;
    let took = begun.elapsed();
    let (prompts, resources) = server.asides(args.reach.server_timeout).await;
    server.close().await;
    let (tools, notes) = tools.map_err(|why| unusable(&definition.name, &why))?;
    for what in notes {
        note(&what);
    }
    if args.json {
        let all = tools.iter().map(|Tool { name, description, input }| {
            json!({ "name": name, "description": description, "inputSchema": input })
        });
        return print_line(&format!("{:#}", all.collect::<Value>()));
    }
    let rows = tools.iter().map(|Tool { name, description, input }| {
        let names = input.get("properties").and_then(Value::as_object).into_iter().flatten();
        let names: Vec<_> = names.map(|(name, _)| name.as_str()).collect();
        let cell = |text: &str, most| line(&printable(text), most);
        vec![cell(name, 64), cell(&names.join(", "), 40), cell(description, 80)]
    });
    print_text(&table(&["TOOL", "ARGUMENTS", "WHAT IT DOES"], rows))?;
    let tools = counted(tools.len(), "tool");
    note!("{tools}, {:.1} s", took.as_secs_f64());
    tell_of("prompt", &prompts);
    tell_of("resource", &resources);
    Ok(())
}

/// What a server has that models are not offered.
fn tell_of(what: &str, names: &[String]) {
    const SHOWN: usize = 10;
    let more = if names.len() > SHOWN { ", …" } else { "" };
    let shown: Vec<_> = names.iter().take(SHOWN).map(|name| line(&printable(name), 60)).collect();
    if !names.is_empty() {
        let count = counted(names.len(), what);
        note!("also {count}, which models are not offered: {}{more}", shown.join(", "));
    }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

async fn by_hand(args: &McpCallArgs) -> anyhow::Result<()> {
    let written = match args.arguments.as_str() {
        "-" => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("cannot read stdin")?;
            text
        }
        text => text.to_owned(),
    };
    let given = arguments(&written).map_err(|why| Failure::new(Exit::InvalidArgument, why))?;
    let (server, _) = connected(&args.server, &args.reach).await?;
    let mut stop = Stop::watch()?;
    let called = tokio::select! {
        called = server.caller().call(args.tool.clone(), given, args.tool_timeout) => Some(called),
        _ = stop.asked() => None,
    };
    let said = server.said();
    server.close().await;
    let failed = |what: String| Err(Failure::new(Exit::ToolFailed, what).into());
    match called {
        None => Err(Failure::new(Exit::Interrupted, "Interrupted.").into()),
        Some(Called::Result(result)) if args.json => {
            let is_error = result.is_error == Some(true);
            show_text(&format!("{:#}", serde_json::to_value(result)?))?;
            if is_error { failed("The tool failed.".to_owned()) } else { Ok(()) }
        }
        Some(Called::Result(result)) => {
            let is_error = result.is_error == Some(true);
            show(&told(&result, usize::MAX, &mut Images::default()).content)?;
            if is_error { failed("The tool failed.".to_owned()) } else { Ok(()) }
        }
        Some(Called::Refused(why)) => failed(printable(&why)),
        Some(Called::Late(time)) => {
            let seconds = time.as_secs_f64();
            failed(format!(
                "The tool gave no result within {seconds} s. --tool-timeout allows more."
            ))
        }
        Some(Called::WhoAsks) => failed(format!(
            "The server wants a new login. `outcrop mcp login {}` begins one.",
            printable(&args.server)
        )),
        Some(Called::Lost(why)) => {
            let what = with_said(&format!("The call failed: {why}"), &said);
            failed(format!("{what}. What it did is not known."))
        }
    }
}

/// Texts to stdout; of images a note.
fn show(content: &Value) -> anyhow::Result<()> {
    let Some(parts) = content.as_array() else {
        return show_text(content.as_str().unwrap_or_default());
    };
    for part in parts {
        match part["text"].as_str() {
            Some(text) => show_text(text)?,
            None => note("there is an image too; --json shows it"),
        }
    }
    Ok(())
}

/// What a server gave: as it is, but for a terminal, which it must not drive.
fn show_text(text: &str) -> anyhow::Result<()> {
    if std::io::stdout().is_terminal() { print_line(&neutral(text)) } else { print_line(text) }
}

async fn login(args: &McpLoginArgs) -> anyhow::Result<()> {
    let found = find(&args.reach.files.mcp_config, Breadth::All)?;
    let definition = found.named(&args.name)?;
    let mut stop = Stop::watch()?;
    tokio::select! {
        biased;
        _ = stop.asked() => Err(Failure::new(Exit::Interrupted, "Interrupted.").into()),
        done = Server::login(definition, args.reach.server_timeout) => {
            done.map_err(|why| unusable(&args.name, &why))?;
            note!("logged in");
            Ok(())
        }
    }
}

fn logout(args: &McpLoginArgs) -> anyhow::Result<()> {
    let found = find(&args.reach.files.mcp_config, Breadth::All)?;
    let had = Server::logout(found.named(&args.name)?).map_err(|why| unusable(&args.name, &why))?;
    note!("{}", if had { "the login is forgotten" } else { "there was no login" });
    Ok(())
}

async fn connected(name: &str, reach: &McpReachArgs) -> anyhow::Result<(Server, Definition)> {
    let found = find(&reach.files.mcp_config, Breadth::All)?;
    // What is wrong with the files may be why it is not there.
    let tell = |_: &anyhow::Error| found.notes.iter().for_each(|what| note(what));
    let definition = found.named(name).inspect_err(tell)?.clone();
    let mut stop = Stop::watch()?;
    tokio::select! {
        biased;
        _ = stop.asked() => Err(Failure::new(Exit::Interrupted, "Interrupted.").into()),
        server = Server::connect(&definition, Login::Browser, reach.server_timeout) => match server {
            Ok(server) => Ok((server, definition)),
            Err(why) => Err(unusable(name, &why)),
        },
    }
}

fn unusable(name: &str, why: &str) -> anyhow::Error {
    let what = format!("The MCP server {} cannot be used: {}.", printable(name), printable(why));
    Failure::new(Exit::ServerConnect, what).into()
}
