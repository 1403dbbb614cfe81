//! The flags that say on what terms a model is asked, and what form its answer has.

use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use outcrop_config::Guardrail;
use outcrop_model::{PicoUsd, Units};

use super::value::{pair, seconds};

/// How Bedrock is called.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "How it is called")]
pub struct CallArgs {
    /// How often a request that failed before its answer began is sent again [default: 2].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..10))]
    pub retries: Option<u32>,
    /// Seconds for a whole request, all attempts together [default: no limit].
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub timeout: Option<Duration>,
    /// Seconds to connect [default: 5].
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub connect_timeout: Option<Duration>,
    /// Most seconds of silence within an answer [default: 900].
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub idle_timeout: Option<Duration>,
    /// Let this guardrail of yours look at every chat.
    #[arg(long, value_name = "ID:VERSION", value_parser = guardrail)]
    pub guardrail: Option<Guardrail>,
    /// Have the guardrail say what it found (in Bedrock's own logs and answers).
    #[arg(long, requires = "guardrail")]
    pub guardrail_trace: bool,
}

/// On what terms a model is asked.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "On what terms")]
pub struct TermsArgs {
    /// Mark system prompt and question for the prompt cache: by the model's own time, 5m or 1h. What is
    /// read from it later is cheaper, what is written to it dearer.
    #[arg(long, value_enum, default_value_t = Cache::Off, value_name = "TIME")]
    pub cache: Cache,
    /// Bedrock's service tier.
    #[arg(long, value_name = "TIER", value_parser = ["default", "priority", "flex", "reserved"])]
    pub service_tier: Option<String>,
    /// Bedrock's latency mode: an optimized answer comes sooner, from the few models that have it, at a
    /// price of its own that is not known here.
    #[arg(long, value_name = "MODE", value_parser = ["standard", "optimized"])]
    pub latency: Option<String>,
    /// A mark of yours in Bedrock's logs. May be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub metadata: Vec<(String, String)>,
    /// Draw from so many of the likeliest tokens.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub top_k: Option<u64>,
    /// For the same answer again, where the model has it.
    #[arg(long, value_name = "N")]
    pub seed: Option<i64>,
    /// Spend no more than this, until the program ends. A request that may cost more than is left, with its
    /// tools and the longest answer, is not sent; what came before it is kept.
    #[arg(long, value_name = "DOLLARS", value_parser = dollars)]
    pub max_budget_usd: Option<PicoUsd>,
}

/// Who else is asked.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "On what terms")]
pub struct OthersArgs {
    /// Ask these models, in this order, where the model cannot answer.
    #[arg(long, value_name = "MODEL,…", value_delimiter = ',', value_parser = NonEmptyStringValueParser::new())]
    pub fallback: Vec<String>,
    /// Ask all these models at once, with that of -m, and show the answers side by side, with time and
    /// cost. Not kept in the history, and without tools.
    #[arg(long, value_name = "MODEL,…", value_delimiter = ',', value_parser = NonEmptyStringValueParser::new(), conflicts_with_all = ["fallback", "max_budget_usd", "output", "output_format", "extract", "extract_last"])]
    pub compare: Vec<String>,
}

/// What is sent.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "What is sent")]
pub struct PreviewArgs {
    /// Print what would be sent to Bedrock, and send nothing. Needs no credentials; the account is not
    /// asked which models and profiles it has.
    #[arg(long)]
    pub dry_run: bool,
    /// Print a line of curl that sends it, and send nothing. Keys are taken from the variables of AWS's
    /// tools (AWS_ACCESS_KEY_ID and its like, or AWS_BEARER_TOKEN_BEDROCK), that of --via from
    /// OUTCROP_VIA_KEY.
    #[arg(long, conflicts_with_all = ["dry_run", "show_request"])]
    pub curl: bool,
    /// Print on stderr what is sent.
    #[arg(long, conflicts_with_all = ["dry_run", "error_code_only"])]
    pub show_request: bool,
}

/// What form the answer has.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "What form the answer has")]
pub struct FormArgs {
    /// JSON of this schema: a file, JSON, or a list such as "name, age int, bio: in one sentence".
    #[arg(long, value_name = "SCHEMA")]
    pub schema: Option<String>,
    /// A list of what this schema says, as `items`.
    #[arg(long, value_name = "SCHEMA", conflicts_with = "schema")]
    pub schema_multi: Option<String>,
    /// Show the first block of code alone; all, where there is none.
    #[arg(short = 'x', long)]
    pub extract: bool,
    /// Show the last block of code alone.
    #[arg(long, visible_alias = "xl", conflicts_with = "extract")]
    pub extract_last: bool,
    /// An answer that was cut short is an error.
    #[arg(long)]
    pub strict: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Cache {
    Off,
    Auto,
    #[value(name = "5m")]
    FiveMinutes,
    #[value(name = "1h")]
    OneHour,
}

fn guardrail(text: &str) -> Result<Guardrail, String> {
    match text.rsplit_once(':') {
        Some((id, version)) if !id.is_empty() && !version.is_empty() => {
            Ok(Guardrail { id: id.to_owned(), version: version.to_owned(), trace: false })
        }
        Some(_) | None => {
            Err("a guardrail is ID:VERSION, such as ab12cd34ef56:1 or …:DRAFT".to_owned())
        }
    }
}

fn dollars(text: &str) -> Result<PicoUsd, String> {
    PicoUsd::per_unit(text, Units::One)
        .map_err(|_| "not a number of dollars, such as 0.25".to_owned())
}
