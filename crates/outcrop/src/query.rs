//! `outcrop query`: one question, one answer.

mod compare;
mod curl;
pub mod extract;
mod preview;
pub mod report;
pub mod schema;
pub mod show;
pub mod terms;

use std::process::ExitCode;

use serde_json::{Value, json};

use self::report::{Report, Run};
use self::schema::Schema;
use self::show::{Show, format_of};
use crate::ask::budget::Budget;
use crate::ask::stdin::{self, Wanted};
use crate::ask::turn::{Bounds, End, Outcome, Talk, turn};
use crate::ask::{self, attach};
use crate::cli::{OutputFormat, QueryArgs};
use crate::engine::Engine;
use crate::exit::{Exit, Failure, code_of, exit_of};
use crate::history::{Asked, Begun, Recorder};
use crate::mcp::Toolbox;
use crate::print::{print_text, reader_left};
use crate::render::neutral;
use crate::roles::{self, Role};

pub async fn run(mut args: QueryArgs) -> anyhow::Result<ExitCode> {
    let is_mute = args.show.error_code_only;
    args.show.quiet |= is_mute;
    let error = match ask_once(&args).await {
        Ok(None) => return Ok(ExitCode::SUCCESS),
        Ok(Some(error)) => error,
        Err(error) => {
            report_alone(&args, &error);
            error
        }
    };
    match error {
        error if reader_left(&error) => Ok(ExitCode::SUCCESS),
        error if is_mute => Ok(ExitCode::from(code_of(&error))),
        error => Err(error),
    }
}

/// A failure before anything could be said, for programs.
fn report_alone(args: &QueryArgs, error: &anyhow::Error) {
    if exit_of(error) == Exit::OutputWrite || format_of(&args.show) == OutputFormat::Text {
        return;
    }
    let run = Run::new(&args.engine.provider, args.ask.model.as_deref().unwrap_or_default());
    let outcome = Outcome::default();
    let report = Report::of(&run, &outcome, Some(error));
    // What cannot be written here is told on stderr, with the failure itself.
    let _untold = Show::new(&args.show).and_then(|mut show| show.report(report));
}

/// Asks and shows the answer. A failure that is part of what was shown is not an error.
async fn ask_once(args: &QueryArgs) -> anyhow::Result<Option<anyhow::Error>> {
    let nothing = |printed: anyhow::Result<()>| printed.map(|()| None);
    if let Some(name) = &args.role.save {
        return nothing(roles::save(name, (&args.ask, &args.terms), &args.prompt.join(" ")));
    }
    ask::said_once(&args.ask, &args.terms, &args.form)?;
    let schema = Schema::of(&args.form)?;
    let role = Role::of(&args.role)?;
    let (recorder, told) = Recorder::open(&args.keep)?;
    let mut talk = ask::talk(&args.ask, role.as_ref(), told)?;
    let begun = Begun::now(&talk);
    let mut content = content(args).await?;
    if let Some(role) = &role {
        role.put_question(&mut content);
    }
    talk.messages.push(json!({ "role": "user", "content": content }));
    terms::lay_down(&args.terms, &mut talk);
    if let Some(schema) = &schema {
        schema.ask(&mut talk.settings);
    }
    if args.preview.curl {
        return nothing(print_text(&curl::line(args, &talk).await?));
    }
    if args.preview.dry_run {
        return nothing(print_text(&preview::request(args, &talk).await?));
    }
    if args.preview.show_request {
        note!("{}", neutral(&preview::request(args, &talk).await?));
    }
    match args.others.compare.is_empty() {
        true => one(args, talk, (begun, recorder), schema.as_ref()).await,
        false => compare::run(args, &talk, schema.as_ref()).await,
    }
}

/// One model, with tools, and written down.
async fn one(
    args: &QueryArgs,
    mut talk: Talk,
    (begun, mut recorder): (Begun, Recorder),
    schema: Option<&Schema>,
) -> anyhow::Result<Option<anyhow::Error>> {
    let engine = Engine::start(&args.engine).await?;
    let mut show = Show::new(&args.show)?.of_form(&args.form);
    let mut tools = Toolbox::open(&args.tools).await?;
    let mut run = Run::new(&args.engine.provider, talk.model()).at(&engine);
    run.servers = tools.servers();
    run.session = recorder.session().map(str::to_owned);
    let outcome = match show.start(&run) {
        Ok(()) => answered(&engine, &mut talk, &mut tools, (args, &mut show)).await,
        Err(error) => Outcome { end: End::Failed(error), ..Outcome::default() },
    };
    tools.close().await;
    terms::lift(&args.terms, &mut talk);
    if schema.is_some() {
        talk.settings.remove("response_format");
    }
    recorder.record(begun.end(&talk, &outcome, &Asked::of(&args.engine).at(&engine)));
    run.session = recorder.session().map(str::to_owned);
    show.end(&outcome)?;
    run.took = begun.elapsed();
    talk.model().clone_into(&mut run.model);
    let wrong = verdict(&outcome, args, schema).err();
    let error = wrong.as_ref().or(outcome.end.error());
    show.report(Report::of(&run, &outcome, error))?;
    Ok(wrong.or(outcome.end.into_error()))
}

/// What the model says, or the first of those behind it that can answer.
async fn answered(
    engine: &Engine,
    talk: &mut Talk,
    tools: &mut Toolbox,
    (args, show): (&QueryArgs, &mut Show),
) -> Outcome {
    let mut others = args.others.fallback.iter();
    let mut budget = args.terms.max_budget_usd.map(Budget::new);
    loop {
        let bounds = Bounds { requests: tools.most(), budget: budget.as_mut() };
        let outcome = turn(engine, talk, (tools, bounds), show).await;
        let End::Failed(error) = &outcome.end else { return outcome };
        let is_begun = !outcome.text.is_empty() || !outcome.calls.is_empty();
        let next = others.next().filter(|_| !is_begun && may_be_the_models(error));
        let Some(next) = next else { return outcome };
        if !args.show.quiet {
            note!("note: {} cannot answer, so {next} is asked: {error:#}", talk.model());
        }
        talk.settings.insert("model".to_owned(), next.as_str().into());
    }
}

/// Whether another model may do what this one did not.
fn may_be_the_models(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Failure>().is_some_and(|failure| {
        matches!(
            failure.exit,
            Exit::UnknownModel
                | Exit::AccessDenied
                | Exit::Throttled
                | Exit::ContextTooLong
                | Exit::RequestFailed
                | Exit::Network
        )
    })
}

/// Whether what was said is the answer that was asked for; why it ended early is in the outcome itself.
///
/// # Errors
/// Why not.
fn verdict(outcome: &Outcome, args: &QueryArgs, schema: Option<&Schema>) -> anyhow::Result<()> {
    match &outcome.end {
        End::Failed(_) | End::OutOfBudget(_) => return Ok(()),
        End::Interrupted => {
            return Err(Failure::new(Exit::Interrupted, "Interrupted.").into());
        }
        End::OutOfTurns => {
            let what = format!(
                "The model was asked {} times and still wants to use tools.",
                outcome.spent.requests
            );
            return Err(Failure::new(Exit::Budget, what).mend("--max-turns allows more.").into());
        }
        End::Whole => {}
    }
    match outcome.last.finish_reason.as_deref() {
        Some("content_filter") => {
            Err(Failure::new(Exit::Refused, "The answer was withheld by a content filter.").into())
        }
        Some("length") if args.form.strict => {
            let what = "The answer was cut at the most tokens that it may have.";
            Err(Failure::new(Exit::Truncated, what).mend("--max-tokens allows more.").into())
        }
        Some(_) | None => schema.map_or(Ok(()), |schema| schema.check(&outcome.text)),
    }
}

/// The question, then what is piped in, then the files.
async fn content(args: &QueryArgs) -> anyhow::Result<Vec<Value>> {
    let prompt = args.prompt.join(" ");
    let names_stdin = prompt == "-" || args.ask.file.iter().any(|file| file.as_os_str() == "-");
    let prompt = Some(prompt).filter(|prompt| prompt != "-" && !prompt.trim().is_empty());
    let wanted = match names_stdin || (prompt.is_none() && args.ask.file.is_empty()) {
        true => Wanted::Surely,
        false => Wanted::IfAny,
    };
    let nothing = || {
        Failure::new(Exit::Usage, "There is no question.")
            .mend("Say one, as in: outcrop query \"What is Bedrock?\"")
    };
    if prompt.is_none() && !names_stdin && args.ask.file.is_empty() {
        use std::io::IsTerminal;
        if std::io::stdin().is_terminal() {
            return Err(nothing().into());
        }
    }
    let piped = stdin::read(wanted)?;
    let mut parts = Vec::new();
    match (prompt, piped) {
        (None, None) if args.ask.file.is_empty() => return Err(nothing().into()),
        (None, None) => {}
        (Some(prompt), piped) => {
            parts.push(text(&prompt));
            parts.extend(piped.map(|bytes| attach::part("stdin", bytes)).transpose()?);
        }
        (None, Some(bytes)) => match String::from_utf8(bytes) {
            Ok(question) => parts.push(text(&question)),
            Err(error) => parts.push(attach::part("stdin", error.into_bytes())?),
        },
    }
    let files: Vec<_> =
        args.ask.file.iter().filter(|file| file.as_os_str() != "-").cloned().collect();
    parts.extend(attach::all(&files).await?);
    Ok(parts)
}

fn text(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}
