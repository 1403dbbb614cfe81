//! The tools of all servers that were started, as one [`Tools`].

use std::collections::HashSet;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::approve::{Approval, Verdict, Wish};
use super::call::{Called, arguments};
use super::definition::{Breadth, Definition, Trust, find};
use super::names::{Pattern, for_model, for_people};
use super::result::{Images, Told, failed, told};
use super::server::{Login, Server, Tool};
use super::{note, printable};
use crate::ask::turn::{ToolResult, Tools};
use crate::cli::ToolArgs;
use crate::engine::ToolCall;
use crate::exit::{Exit, Failure};
use crate::stop::Stop;

/// Servers that run, and what of them the model is offered.
pub struct Toolbox {
    servers: Vec<Started>,
    offered: Vec<Offered>,
    /// Those of which only these are; all, where there are none.
    patterns: Vec<Pattern>,
    approval: Approval,
    tool_timeout: Duration,
    server_timeout: Duration,
    max_result: usize,
    /// Of this turn.
    images: Images,
    max_turns: u32,
    asked_for: bool,
}

/// A server that was started.
struct Started {
    definition: Definition,
    login: Login,
    /// `None` once it is gone for good.
    server: Option<Server>,
    /// It is started anew once.
    may_restart: bool,
}

/// A tool that the model is told of.
#[derive(Debug, Clone)]
pub struct Offered {
    /// To the model.
    pub name: String,
    server: usize,
    pub server_name: String,
    pub tool: Tool,
}

/// A call that may be made, or the result that it has already.
enum Step {
    Call { server: usize, tool: String, arguments: serde_json::Map<String, Value> },
    Told(Told),
}

// === impl Toolbox ===

impl Toolbox {
    /// Starts the servers that the flags ask for, all at once.
    ///
    /// # Errors
    /// [`Exit::ServerConnect`] for one that was asked for by name; others are noted. Interrupted.
    pub async fn open(args: &ToolArgs) -> anyhow::Result<Self> {
        let mut toolbox = Self {
            servers: Vec::new(),
            offered: Vec::new(),
            patterns: Pattern::all(&args.tool)?,
            approval: Approval::new(args)?,
            tool_timeout: args.tool_timeout,
            server_timeout: args.server_timeout,
            max_result: args.max_result,
            images: Images::default(),
            max_turns: args.max_turns,
            asked_for: !(args.server.is_empty()
                && args.tool.is_empty()
                && args.mcp_config.is_empty()),
        };
        if args.no_tools {
            return Ok(toolbox);
        }
        let chosen = choose(args, &toolbox.patterns)?;
        let mut stop = Stop::watch()?;
        // Ctrl-C is watched before the first server starts: none may be left behind.
        let started = tokio::select! {
            biased;
            _ = stop.asked() => {
                Err(Failure::new(Exit::Interrupted, "Interrupted.").into())
            }
            started = toolbox.start(chosen) => started,
        };
        match started {
            Ok(()) => Ok(toolbox),
            Err(error) => {
                toolbox.close().await;
                Err(error)
            }
        }
    }

    /// How often the model may be asked.
    pub fn most(&self) -> u32 {
        self.max_turns
    }

    /// The names of the servers that were started.
    pub fn servers(&self) -> Vec<String> {
        self.servers.iter().map(|started| started.definition.name.clone()).collect()
    }

    /// Ends all servers.
    pub async fn close(self) {
        let mut closing = JoinSet::new();
        for server in self.servers.into_iter().filter_map(|started| started.server) {
            closing.spawn(server.close());
        }
        closing.join_all().await;
    }

    async fn start(&mut self, chosen: Vec<(Definition, Asked)>) -> anyhow::Result<()> {
        let patience = self.server_timeout;
        let mut starting = JoinSet::new();
        for (at, (definition, asked)) in chosen.iter().cloned().enumerate() {
            starting.spawn(async move {
                let connected = async {
                    let server = Server::connect(&definition, asked.login(), patience).await?;
                    match server.tools(patience).await {
                        Ok(tools) => Ok((server, tools)),
                        Err(why) => {
                            server.close().await;
                            Err(why)
                        }
                    }
                };
                (at, connected.await)
            });
        }
        let mut outcomes = starting.join_all().await;
        outcomes.sort_by_key(|(at, _)| *at);
        // Those that did start are taken first, so that they are ended in order.
        let mut failure = None;
        for ((definition, asked), (_, outcome)) in chosen.into_iter().zip(outcomes) {
            let name = printable(&definition.name);
            match (outcome, asked) {
                (Ok((server, (tools, notes))), _) => {
                    for what in notes {
                        note(&format!("the MCP server {name}: {what}"));
                    }
                    self.take((definition, asked.login()), server, tools);
                }
                (Err(why), Asked::ByName) => {
                    let why = printable(&why);
                    let what = format!("The MCP server {name} cannot be used: {why}.");
                    failure = failure.or(Some(Failure::new(Exit::ServerConnect, what)));
                }
                (Err(why), Asked::ByNobody) => {
                    note(&format!("the MCP server {name} is left out: {why}"));
                }
            }
        }
        if let Some(failure) = failure {
            return Err(failure.into());
        }
        if let Some(pattern) = self.patterns.iter().find(|pattern| {
            !self.offered.iter().any(|o| pattern.matches(&o.server_name, &o.tool.name))
        }) {
            let what = format!("No tool is named {}.", pattern.text);
            return Err(Failure::new(Exit::InvalidArgument, what)
                .mend("`outcrop mcp test SERVER` lists them.")
                .into());
        }
        Ok(())
    }

    fn take(&mut self, (definition, login): (Definition, Login), server: Server, tools: Vec<Tool>) {
        self.offer(self.servers.len(), &definition.name, tools);
        self.servers.push(Started { definition, login, server: Some(server), may_restart: true });
    }

    /// Offers those of a server's tools that are wanted.
    fn offer(&mut self, at: usize, server_name: &str, tools: Vec<Tool>) {
        let mut taken: HashSet<String> = self.offered.iter().map(|o| o.name.clone()).collect();
        for tool in tools {
            let is_wanted = |pattern: &Pattern| pattern.matches(server_name, &tool.name);
            if self.patterns.is_empty() || self.patterns.iter().any(is_wanted) {
                let name = for_model(server_name, &tool.name, &taken);
                taken.insert(name.clone());
                let server_name = server_name.to_owned();
                self.offered.push(Offered { name, server: at, server_name, tool });
            }
        }
    }

    /// What is to be done about a call.
    async fn step(&mut self, wanted: &ToolCall) -> anyhow::Result<Step> {
        let Some(offered) = self.offered.iter().find(|offered| offered.name == wanted.name) else {
            let what =
                format!("There is no tool {}. Use only those that you were told of.", wanted.name);
            return Ok(Step::Told(failed(what)));
        };
        let arguments = match arguments(&wanted.arguments) {
            Ok(arguments) => arguments,
            Err(why) => return Ok(Step::Told(failed(why))),
        };
        let (server, tool) = (offered.server, offered.tool.name.clone());
        let wish = Wish {
            definition: &self.servers[server].definition,
            tool: &tool,
            arguments: &wanted.arguments,
        };
        match self.approval.of(wish).await? {
            Verdict::Yes => Ok(Step::Call { server, tool, arguments }),
            Verdict::No(why) => Ok(Step::Told(failed(why))),
        }
    }

    /// Makes the calls, all at once, and gives what became of each.
    async fn make(&mut self, steps: Vec<Step>) -> Vec<(Told, Duration)> {
        let mut results: Vec<Option<(Told, Duration)>> = Vec::new();
        let mut calling = JoinSet::new();
        for (at, step) in steps.into_iter().enumerate() {
            let (server, tool, arguments) = match step {
                Step::Told(told) => {
                    results.push(Some((told, Duration::ZERO)));
                    continue;
                }
                Step::Call { server, tool, arguments } => (server, tool, arguments),
            };
            results.push(None);
            if self.is_gone(server) {
                self.restart(server).await;
            }
            let Some(running) = &self.servers[server].server else {
                let what = "The tool's server has ended and cannot be started again.";
                results[at] = Some((failed(what), Duration::ZERO));
                continue;
            };
            let (caller, patience) = (running.caller(), self.tool_timeout);
            let name = for_people(&self.servers[server].definition.name, &tool);
            calling.spawn(async move {
                let begun = Instant::now();
                let called = caller.call(tool, arguments, patience).await;
                (at, server, name, called, begun.elapsed())
            });
        }
        while let Some(joined) = calling.join_next().await {
            // A call that panicked has no result; its place says so below.
            let Ok((at, server, name, called, took)) = joined else { continue };
            let told = self.told(server, &name, called).await;
            results[at] = Some((told, took));
        }
        let lost = || (failed("The call was lost."), Duration::ZERO);
        results.into_iter().map(|result| result.unwrap_or_else(lost)).collect()
    }

    async fn told(&mut self, server: usize, name: &str, called: Called) -> Told {
        match called {
            Called::Result(result) => {
                let told = told(&result, self.max_result, &mut self.images);
                if let Some(cut) = &told.cut {
                    note(&format!(
                        "the result of {name} is too long: the model is not shown {cut} (--max-result)"
                    ));
                }
                told
            }
            Called::Refused(why) => failed(why),
            Called::Late(time) => {
                let seconds = time.as_secs_f64();
                note(&format!("{name} gave no result within {seconds} s (--tool-timeout)"));
                failed(format!(
                    "The tool gave no result within {seconds} s; what it did is not known."
                ))
            }
            Called::WhoAsks => self.connect_anew(server).await,
            Called::Lost(why) => {
                if self.is_gone(server) {
                    self.restart(server).await;
                } else {
                    note(&format!("the call of {name} failed: {why}"));
                }
                failed("The tool's server failed during the call; what the call did is not known.")
            }
        }
    }

    /// Takes the tools of servers that said that they have others now.
    async fn look_again(&mut self) {
        for at in 0..self.servers.len() {
            let Started { definition, server: Some(server), .. } = &self.servers[at] else {
                continue;
            };
            if !server.has_other_tools() {
                continue;
            }
            let name = printable(&definition.name);
            match server.tools(self.server_timeout).await {
                Ok((tools, notes)) => {
                    for what in notes {
                        note(&format!("the MCP server {name}: {what}"));
                    }
                    let server_name = definition.name.clone();
                    self.offered.retain(|offered| offered.server != at);
                    self.offer(at, &server_name, tools);
                }
                Err(why) => note(&format!("the MCP server {name} keeps its old tools: {why}")),
            }
        }
    }

    /// Connects once more, as whoever the login makes us now.
    async fn connect_anew(&mut self, at: usize) -> Told {
        let started = &mut self.servers[at];
        if let Some(server) = started.server.take() {
            server.close().await;
        }
        match Server::connect(&started.definition, started.login, self.server_timeout).await {
            Ok(server) => {
                started.server = Some(server);
                failed("The login had expired and is renewed. Make the call again.")
            }
            Err(why) => {
                let name = printable(&started.definition.name);
                note(&format!("the MCP server {name} cannot be used any more: {why}"));
                failed("The tool's server wants a new login, and nobody could log in.")
            }
        }
    }

    fn is_gone(&self, server: usize) -> bool {
        self.servers[server].server.as_ref().is_some_and(Server::is_gone)
    }

    /// Starts a server that is gone once more, or tells that it stays away.
    async fn restart(&mut self, at: usize) {
        let started = &mut self.servers[at];
        let name = printable(&started.definition.name);
        let Some(server) = started.server.take() else { return };
        let said = server.said();
        server.close().await;
        let said = match said.in_words() {
            said if said.is_empty() => said,
            said => format!("; it said: {said}"),
        };
        if !std::mem::replace(&mut started.may_restart, false) {
            note(&format!("the MCP server {name} ended again and stays away{said}"));
            return;
        }
        match Server::connect(&started.definition, started.login, self.server_timeout).await {
            Ok(server) => {
                note(&format!("the MCP server {name} ended and was started again{said}"));
                started.server = Some(server);
            }
            Err(why) => {
                note(&format!("the MCP server {name} ended{said}, and did not start again: {why}"));
            }
        }
    }
}

impl Tools for Toolbox {
    fn offered(&self) -> Vec<Value> {
        self.offered.iter().map(Offered::to_json).collect()
    }

    fn are_asked_for(&self) -> bool {
        self.asked_for
    }

    fn names_of(&self, name: &str) -> Option<(String, String)> {
        let offered = self.offered.iter().find(|offered| offered.name == name)?;
        Some((offered.server_name.clone(), offered.tool.name.clone()))
    }

    fn begin(&mut self) {
        self.images = Images::default();
    }

    async fn run(&mut self, calls: &[ToolCall]) -> anyhow::Result<Vec<ToolResult>> {
        let mut steps = Vec::with_capacity(calls.len());
        for call in calls {
            steps.push(self.step(call).await?);
        }
        let result = |(told, duration): (Told, Duration)| ToolResult {
            content: told.content,
            success: told.success,
            duration,
        };
        let made = self.make(steps).await;
        self.look_again().await;
        Ok(made.into_iter().map(result).collect())
    }
}

// === impl Offered ===

impl Offered {
    fn to_json(&self) -> Value {
        let Tool { name: _, description, input } = &self.tool;
        let mut function = json!({ "name": self.name, "parameters": input });
        if !description.is_empty() {
            function["description"] = description.as_str().into();
        }
        json!({ "type": "function", "function": function })
    }
}

/// Who wants a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    ByName,
    ByNobody,
}

// === impl Asked ===

impl Asked {
    /// Nobody's browser is opened for a server that nobody named.
    fn login(self) -> Login {
        match self {
            Self::ByName => Login::Browser,
            Self::ByNobody => Login::Never,
        }
    }
}

/// The servers that the flags ask for: those that are named, else the user's own.
fn choose(args: &ToolArgs, patterns: &[Pattern]) -> anyhow::Result<Vec<(Definition, Asked)>> {
    let mut named: Vec<&String> = args.server.iter().collect();
    if named.is_empty() {
        named.extend(patterns.iter().filter_map(|pattern| pattern.names_server.as_ref()));
    }
    let breadth = if named.is_empty() { Breadth::Ours } else { Breadth::All };
    let found = find(&args.mcp_config, breadth)?;
    for what in &found.notes {
        note(what);
    }
    if named.is_empty() {
        tell_of_the_folder(&found.definitions);
    }
    for name in &named {
        found.named(name)?;
    }
    let is_wanted = |definition: &Definition| match (&*named, definition.trust) {
        ([], Trust::Named) => Some(Asked::ByName),
        ([], Trust::Own) => Some(Asked::ByNobody),
        ([], Trust::Folder | Trust::OtherProgram) => None,
        (named, _) => named.iter().any(|n| **n == definition.name).then_some(Asked::ByName),
    };
    let may_match = |definition: &Definition| {
        patterns.is_empty() || patterns.iter().any(|pattern| pattern.may_be_of(&definition.name))
    };
    let definitions = found.definitions.into_iter().filter(may_match);
    Ok(definitions.filter_map(|d| Some((d.clone(), is_wanted(&d)?))).collect())
}

/// Servers that only the folder defines wait for their names; that is told where somebody sees it.
fn tell_of_the_folder(definitions: &[Definition]) {
    let of_folder = definitions.iter().filter(|definition| definition.trust == Trust::Folder);
    let names: Vec<_> = of_folder.map(|definition| printable(&definition.name)).collect();
    if !names.is_empty() && std::io::stderr().is_terminal() {
        let names = names.join(",");
        note(&format!("this folder defines MCP servers; --server {names} starts them"));
    }
}
