//! What the history says when it is asked.

use outcrop_model::PicoUsd;
use rusqlite::{Row, ToSql, params, params_from_iter};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::store::Store;
use crate::dollars::Dollars;

/// Which turns are meant; nothing means all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub turn: Option<i64>,
    /// Words that question or answer hold, all of them.
    pub search: Option<String>,
    /// A part of the model's name.
    pub model: Option<String>,
    pub session: Option<String>,
    /// Milliseconds since 1970.
    pub since: Option<i64>,
    /// The newest so many.
    pub most: Option<u32>,
}

/// A turn as it was written down; as JSON, all that is known.
#[derive(Debug, Serialize)]
pub struct Turn {
    pub id: i64,
    #[serde(rename = "time", serialize_with = "as_time")]
    pub began: i64,
    pub session: Option<String>,
    pub kind: String,
    pub counts: bool,
    pub model: String,
    pub target: Option<String>,
    pub region: Option<String>,
    pub key: String,
    pub settings: Value,
    pub prompt: String,
    #[serde(rename = "response")]
    pub answer: String,
    pub reasoning: String,
    pub messages: Value,
    #[serde(rename = "tool_calls")]
    pub calls: Value,
    pub usage: Used,
    #[serde(rename = "cost_usd")]
    pub cost: Option<Dollars>,
    #[serde(rename = "latency_ms")]
    pub latency: i64,
    #[serde(rename = "ttft_ms")]
    pub ttft: Option<i64>,
    #[serde(rename = "stop_reason")]
    pub finish: Option<String>,
    pub error: Option<String>,
    pub request_id: Option<String>,
}

/// Tokens of a turn.
#[derive(Debug, Serialize)]
pub struct Used {
    pub input: i64,
    pub output: i64,
    pub cache_read: i64,
    pub cache_write: i64,
    pub reasoning: i64,
    /// Part of them, and of the cost.
    pub estimated: bool,
}

/// What turns are summed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum By {
    /// UTC's days.
    Day,
    /// The model as it was asked for.
    Model,
    Session,
    /// Whose account or key: a profile, a gateway, or what the environment has.
    Key,
}

/// The sum of some turns.
#[derive(Debug)]
pub struct Sum {
    pub of: String,
    pub turns: i64,
    pub input: i64,
    pub output: i64,
    pub cache_read: i64,
    pub cache_write: i64,
    /// Of the turns whose cost is known.
    pub cost: PicoUsd,
    /// Turns whose cost is not known; they are not in `cost`.
    pub unpriced: i64,
    /// Turns of which tokens and cost are an estimate.
    pub estimated: i64,
}

/// A session at a glance.
#[derive(Debug)]
pub struct Overview {
    pub name: String,
    pub began: i64,
    pub last: Option<i64>,
    pub turns: i64,
    pub model: Option<String>,
    pub first: Option<String>,
}

// === impl Store ===

impl Store {
    /// The turns that are meant, oldest first.
    pub fn turns(&self, filter: &Filter) -> anyhow::Result<Vec<Turn>> {
        let (conditions, values) = filter.conditions();
        let most = filter.most.map(|most| format!(" LIMIT {most}")).unwrap_or_default();
        let mut found = self.connection.prepare(&format!(
            "SELECT t.id, s.name, t.kind, t.counts, t.began, t.model, t.target, t.region, t.key,
                t.settings, t.prompt, t.answer, t.reasoning, t.messages, t.input, t.output,
                t.cache_read, t.cache_write, t.thought, t.cost, t.latency, t.ttft, t.finish, t.error,
                t.request_id, t.calls, t.estimated
             FROM turns t LEFT JOIN sessions s ON s.id = t.session
             WHERE {conditions} ORDER BY t.id DESC{most}"
        ))?;
        let rows = found.query_map(params_from_iter(values), Turn::of)?;
        let mut turns = rows.collect::<Result<Vec<_>, _>>()?;
        turns.reverse();
        Ok(turns)
    }

    pub fn sums(&self, by: By, since: Option<i64>) -> anyhow::Result<Vec<Sum>> {
        let of = match by {
            By::Day => "strftime('%Y-%m-%d', t.began / 1000, 'unixepoch')",
            By::Model => "t.model",
            By::Session => "coalesce(s.name, '')",
            By::Key => "t.key",
        };
        let (conditions, values) = Filter { since, ..Filter::default() }.conditions();
        // A request that failed before it was answered costs nothing, and is no unknown.
        let mut found = self.connection.prepare(&format!(
            "SELECT {of}, count(*), sum(t.input), sum(t.output), sum(t.cache_read),
                sum(t.cache_write), coalesce(sum(t.cost), 0),
                sum(t.cost IS NULL AND (t.error IS NULL OR t.input + t.output > 0)),
                sum(t.estimated)
             FROM turns t LEFT JOIN sessions s ON s.id = t.session
             WHERE {conditions} GROUP BY 1 ORDER BY 1"
        ))?;
        let rows = found.query_map(params_from_iter(values), |row| {
            Ok(Sum {
                of: row.get(0)?,
                turns: row.get(1)?,
                input: row.get(2)?,
                output: row.get(3)?,
                cache_read: row.get(4)?,
                cache_write: row.get(5)?,
                cost: pico(row.get(6)?),
                unpriced: row.get(7)?,
                estimated: row.get(8)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The sessions in which something was said, the newest last; with `search`, those with a turn that holds all
    /// its words.
    pub fn sessions(&self, search: Option<&str>) -> anyhow::Result<Vec<Overview>> {
        let words = search.filter(|words| !words.trim().is_empty()).map(phrase);
        let mut found = self.connection.prepare(
            "SELECT s.name, s.began, max(t.began), count(t.id),
                (SELECT model FROM turns WHERE session = s.id ORDER BY id DESC LIMIT 1),
                (SELECT prompt FROM turns WHERE session = s.id ORDER BY id LIMIT 1)
             FROM sessions s LEFT JOIN turns t ON t.session = s.id
             WHERE ?1 IS NULL OR s.id IN (SELECT session FROM turns
                WHERE id IN (SELECT rowid FROM words WHERE words MATCH ?1))
             GROUP BY s.id ORDER BY coalesce(max(t.began), s.began), s.id",
        )?;
        let rows = found.query_map(params![words], |row| {
            Ok(Overview {
                name: row.get(0)?,
                began: row.get(1)?,
                last: row.get(2)?,
                turns: row.get(3)?,
                model: row.get(4)?,
                first: row.get(5)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

// === impl Sum ===

impl Sum {
    pub fn total(sums: &[Sum]) -> Sum {
        let add = |of: fn(&Sum) -> i64| sums.iter().map(of).sum();
        Sum {
            of: "all".to_owned(),
            turns: add(|sum| sum.turns),
            input: add(|sum| sum.input),
            output: add(|sum| sum.output),
            cache_read: add(|sum| sum.cache_read),
            cache_write: add(|sum| sum.cache_write),
            cost: sums.iter().fold(PicoUsd::ZERO, |all, sum| all + sum.cost),
            unpriced: add(|sum| sum.unpriced),
            estimated: add(|sum| sum.estimated),
        }
    }
}

// === impl Filter ===

impl Filter {
    fn conditions(&self) -> (String, Vec<Box<dyn ToSql>>) {
        let Self { turn, search, model, session, since, most: _ } = self;
        let mut conditions = vec!["1"];
        let mut values: Vec<Box<dyn ToSql>> = Vec::new();
        if let Some(turn) = turn {
            conditions.push("t.id = ?");
            values.push(Box::new(*turn));
        }
        if let Some(words) = search.as_ref().filter(|words| !words.trim().is_empty()) {
            conditions.push("t.id IN (SELECT rowid FROM words WHERE words MATCH ?)");
            values.push(Box::new(phrase(words)));
        }
        if let Some(model) = model {
            conditions
                .push("(instr(lower(t.model), lower(?)) OR instr(lower(t.target), lower(?)))");
            values.push(Box::new(model.clone()));
            values.push(Box::new(model.clone()));
        }
        if let Some(session) = session {
            conditions.push("s.name = ?");
            values.push(Box::new(session.clone()));
        }
        if let Some(since) = since {
            conditions.push("t.began >= ?");
            values.push(Box::new(*since));
        }
        (conditions.join(" AND "), values)
    }
}

/// Words as FTS5 wants them, each for itself and none of them an operator; the beginning of a word will do.
fn phrase(words: &str) -> String {
    let quoted = words.split_whitespace().map(|word| format!("\"{}\"*", word.replace('"', "\"\"")));
    quoted.collect::<Vec<_>>().join(" ")
}

fn pico(cost: i64) -> PicoUsd {
    PicoUsd::new(u128::try_from(cost).unwrap_or(0))
}

// === impl Turn ===

impl Turn {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        let cost: Option<i64> = row.get("cost")?;
        // Written by this program; a file that somebody changed is shown as far as it can be read.
        let json = |name: &str| {
            let text: String = row.get(name)?;
            Ok::<_, rusqlite::Error>(serde_json::from_str(&text).unwrap_or(Value::String(text)))
        };
        Ok(Self {
            id: row.get("id")?,
            session: row.get("name")?,
            kind: row.get("kind")?,
            counts: row.get("counts")?,
            began: row.get("began")?,
            model: row.get("model")?,
            target: row.get("target")?,
            region: row.get("region")?,
            key: row.get("key")?,
            settings: json("settings")?,
            prompt: row.get("prompt")?,
            answer: row.get("answer")?,
            reasoning: row.get("reasoning")?,
            messages: json("messages")?,
            calls: json("calls")?,
            usage: Used {
                input: row.get("input")?,
                output: row.get("output")?,
                cache_read: row.get("cache_read")?,
                cache_write: row.get("cache_write")?,
                reasoning: row.get("thought")?,
                estimated: row.get("estimated")?,
            },
            cost: cost.map(pico).map(Dollars),
            latency: row.get("latency")?,
            ttft: row.get("ttft")?,
            finish: row.get("finish")?,
            error: row.get("error")?,
            request_id: row.get("request_id")?,
        })
    }

    pub fn time(&self) -> String {
        time(self.began)
    }
}

/// Milliseconds since 1970 as people and programs read them, in UTC.
pub fn time(millis: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(millis).unwrap_or_default();
    time.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn as_time<S: Serializer>(millis: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time(*millis))
}
