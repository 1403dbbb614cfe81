//! The conversation itself: what was said, and the next turn.

use std::path::PathBuf;

use outcrop_model::{Catalog, PicoUsd, alias};
use serde_json::{Value, json};

use crate::ask::budget::Budget;
use crate::ask::turn::{Bounds, End, Outcome, Spent, Talk, Tools, turn};
use crate::ask::{self, attach};
use crate::cli::{ChatArgs, FormArgs, OutputFormat, ShowArgs, TermsArgs};
use crate::engine::Engine;
use crate::exit::{Exit, Failure, code_of};
use crate::history::{Asked, Begun, Recorder};
use crate::mcp::Toolbox;
use crate::print::{is_colourful, tell};
use crate::query::schema::Schema;
use crate::query::show::Show;
use crate::query::terms;
use crate::render::neutral;
use crate::roles::Role;

/// A conversation and all that it needs.
pub struct Talking {
    pub(super) engine: Engine,
    pub(super) talk: Talk,
    pub(super) recorder: Recorder,
    pub(super) asked: Asked,
    pub(super) turns: Vec<Turn>,
    pub(super) total: Total,
    /// Tokens of the model's window; `None` where it is not known.
    pub(super) window: Option<u64>,
    /// Tokens that the conversation took last.
    pub(super) used: u64,
    /// For all that is asked until the program ends.
    pub(super) budget: Option<Budget>,
    tools: Toolbox,
    role: Option<Role>,
    terms: TermsArgs,
    form: FormArgs,
    schema: Option<Schema>,
    show: ShowArgs,
    /// For the next question.
    attached: Vec<Value>,
    /// The last question, as the model was asked it.
    last: Option<Vec<Value>>,
    /// Whether the last question is part of the conversation.
    is_answered: bool,
}

/// A question and what was said to it.
#[derive(Debug, Clone)]
pub struct Turn {
    /// Where it begins among the messages.
    pub from: usize,
    /// In the history.
    pub id: Option<i64>,
}

/// What the conversation took since the program started.
#[derive(Debug, Clone, Copy, Default)]
pub struct Total {
    pub turns: u32,
    pub input: u64,
    pub output: u64,
    pub cost: PicoUsd,
    pub unpriced: u32,
}

// === impl Talking ===

impl Talking {
    pub async fn begin(args: &ChatArgs) -> anyhow::Result<Self> {
        ask::said_once(&args.ask, &args.terms, &args.form)?;
        let role = Role::of(&args.role)?;
        let (mut recorder, told) = Recorder::open(&args.keep)?;
        recorder.begin_session();
        let turns = told.turns.clone();
        let talk = ask::talk(&args.ask, role.as_ref(), told)?;
        let before = talk.messages.iter().take_while(|message| message["role"] == "system").count();
        let turns = turns
            .into_iter()
            .map(|(id, from)| Turn { from: from + before, id: Some(id) })
            .collect();
        let engine = Engine::start(&args.engine).await?;
        let tools = Toolbox::open(&args.tools).await?;
        let schema = Schema::of(&args.form)?;
        let show = ShowArgs {
            look: args.show.look.clone(),
            json: false,
            output_format: OutputFormat::Text,
            output: None,
            quiet: false,
            error_code_only: false,
        };
        let mut talking = Self {
            asked: Asked::of(&args.engine).at(&engine),
            budget: args.terms.max_budget_usd.map(Budget::new),
            engine,
            talk,
            recorder,
            turns,
            total: Total::default(),
            window: None,
            used: 0,
            tools,
            role,
            terms: args.terms.clone(),
            form: args.form.clone(),
            schema,
            show,
            attached: Vec::new(),
            last: None,
            is_answered: false,
        };
        // Whether there is such a model is told when it is asked.
        talking.window = talking.window_of(&talking.model()).await.unwrap_or_default();
        talking.used = estimate(&talking.talk.messages);
        Ok(talking)
    }

    pub async fn end(self) {
        self.tools.close().await;
    }

    pub fn greeting(&self) -> String {
        let model = self.model();
        let help = "/help lists commands, Ctrl-D leaves.";
        match (self.turns.len(), self.recorder.session()) {
            (0, _) | (_, None) => format!("Outcrop chat with {model}. {help}"),
            (n, Some(name)) => {
                let turns = if n == 1 { "turn" } else { "turns" };
                format!("Outcrop chat with {model}: {name}, {n} {turns} so far.\n{help}")
            }
        }
    }

    pub fn model(&self) -> String {
        self.talk.settings.get("model").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// The window of a model, as the gateway knows it, else the catalog: what is not listed may be there.
    ///
    /// # Errors
    /// Where neither knows the model.
    pub async fn window_of(&self, model: &str) -> anyhow::Result<Option<u64>> {
        match self.engine.model(model).await {
            Ok(known) => Ok(known["max_input_tokens"].as_u64()),
            Err(error) => {
                let (catalog, named) = (Catalog::built_in(), alias::resolve(model));
                match catalog.is_known(&named.id) {
                    true => Ok(Some(catalog.card(&named.id).max_input_tokens)),
                    false => Err(error),
                }
            }
        }
    }

    /// Attaches files to the next question.
    pub async fn attach(&mut self, files: &[PathBuf]) -> anyhow::Result<()> {
        self.attached.extend(attach::all(files).await?);
        Ok(())
    }

    pub fn tools(&self) -> Vec<Value> {
        self.tools.offered()
    }

    /// Asks a question.
    pub async fn ask(&mut self, question: &str) -> anyhow::Result<()> {
        let mut content = vec![json!({ "type": "text", "text": question })];
        if let Some(role) = &self.role {
            role.put_question(&mut content);
        }
        content.append(&mut self.attached);
        self.question(content).await
    }

    /// Asks the last question again, in the place of what was said to it.
    pub async fn retry(&mut self) -> anyhow::Result<()> {
        let question = match (&self.last, self.turns.last()) {
            (Some(question), _) => question.clone(),
            (None, Some(turn)) => match &self.talk.messages[turn.from]["content"] {
                Value::Array(parts) => parts.clone(),
                text => vec![json!({ "type": "text", "text": text })],
            },
            (None, None) => {
                return Err(Failure::new(Exit::Usage, "There is no question to ask again.").into());
            }
        };
        if self.last.is_none() || self.is_answered {
            self.undo()?;
        }
        self.question(question).await
    }

    /// Takes the last turn back; its question, if there was one.
    pub fn undo(&mut self) -> anyhow::Result<String> {
        let turn = self
            .turns
            .pop()
            .ok_or_else(|| Failure::new(Exit::Usage, "There is nothing to take back."))?;
        let question = crate::history::words(&self.talk.messages[turn.from]["content"]);
        self.talk.messages.truncate(turn.from);
        self.used = estimate(&self.talk.messages);
        self.last = None;
        if let Some(id) = turn.id {
            self.recorder.undo(id);
        }
        Ok(question)
    }

    /// Begins anew, with the same model and system prompt.
    pub fn clear(&mut self) {
        self.talk.messages.retain(|message| message["role"] == "system");
        self.turns.clear();
        self.used = estimate(&self.talk.messages);
        self.last = None;
        self.attached.clear();
        self.recorder.begin_another();
    }

    async fn question(&mut self, content: Vec<Value>) -> anyhow::Result<()> {
        self.compact_if_needed().await;
        let begun = Begun::now(&self.talk);
        let from = self.talk.messages.len();
        self.last = Some(content.clone());
        self.talk.messages.push(json!({ "role": "user", "content": content }));
        terms::lay_down(&self.terms, &mut self.talk);
        if let Some(schema) = &self.schema {
            schema.ask(&mut self.talk.settings);
        }
        let mut show = Show::new(&self.show)?.of_form(&self.form);
        let outcome = self.answered(&mut show).await;
        terms::lift(&self.terms, &mut self.talk);
        if self.schema.is_some() {
            self.talk.settings.remove("response_format");
        }
        let id = self.recorder.record(begun.end(&self.talk, &outcome, &self.asked));
        self.is_answered = self.talk.messages.len() > from + 1;
        match self.is_answered {
            true => self.turns.push(Turn { from, id }),
            false => self.talk.messages.truncate(from),
        }
        self.count(&outcome.spent);
        if outcome.last.tokens > 0 {
            self.used = outcome.last.tokens;
        }
        show.end(&outcome)?;
        self.verdict(outcome)
    }

    /// The model's answer, as far as there is money for it.
    async fn answered(&mut self, show: &mut Show) -> Outcome {
        let bounds = Bounds { requests: self.tools.most(), budget: self.budget.as_mut() };
        turn(&self.engine, &mut self.talk, (&mut self.tools, bounds), show).await
    }

    fn verdict(&mut self, outcome: Outcome) -> anyhow::Result<()> {
        match outcome.end {
            End::Failed(error) => {
                if code_of(&error) == Exit::ContextTooLong.code() {
                    // The next question, or this one again, makes room first.
                    self.used = self.window.unwrap_or(self.used);
                }
                Err(error)
            }
            End::Interrupted => Err(Failure::new(Exit::Interrupted, "Interrupted.")
                .mend("What came is kept; /retry asks again, /undo takes it back.")
                .into()),
            End::OutOfTurns => {
                let what = "The model still wants to use tools.";
                Err(Failure::new(Exit::Budget, what).mend("--max-turns allows more.").into())
            }
            End::OutOfBudget(error) => Err(error),
            End::Whole => match outcome.last.finish_reason.as_deref() {
                Some("content_filter") => {
                    let what = "The answer was withheld by a content filter.";
                    Err(Failure::new(Exit::Refused, what).into())
                }
                Some("length") if self.form.strict => {
                    let what = "The answer was cut at the most tokens that it may have.";
                    Err(Failure::new(Exit::Truncated, what)
                        .mend("--max-tokens allows more.")
                        .into())
                }
                _ => self.schema.as_ref().map_or(Ok(()), |schema| schema.check(&outcome.text)),
            },
        }
    }

    pub(super) fn count(&mut self, spent: &Spent) {
        let total = &mut self.total;
        total.turns += 1;
        total.input += spent.usage.input + spent.usage.cache_read + spent.usage.cache_write;
        total.output += spent.usage.output;
        match spent.cost {
            Some(cost) => total.cost = total.cost + cost,
            None => total.unpriced += 1,
        }
    }
}

/// A line beside the conversation, on stderr.
pub fn note(text: &str) {
    match is_colourful(&std::io::stderr()) {
        true => tell(&format!("\x1b[2m{}\x1b[0m\n", neutral(text))),
        false => note!("{text}"),
    }
}

/// Roughly how many tokens messages take: four bytes are one.
pub fn estimate(messages: &[Value]) -> u64 {
    let bytes: usize = messages.iter().map(|m| crate::history::words(&m["content"]).len()).sum();
    u64::try_from(bytes / 4).unwrap_or(u64::MAX)
}
