//! `outcrop iam-policy`: the least that an identity must be allowed for what the gateway is to do.

mod config;
mod demand;
mod grant;
mod table;
mod write;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use outcrop_core::Geography;

use self::demand::Defaults;
pub use self::demand::Feature;
use self::grant::Account;
use crate::check;
use crate::cli::geography;
use crate::print::print_text;

/// Characters that a managed policy takes, white space apart (IAM quotas, checked 2026-11-26).
const MANAGED_POLICY: usize = 6144;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  outcrop iam-policy --region us-east-1 --model claude-sonnet-4-5
  outcrop iam-policy --region eu-west-1 --model eu.amazon.nova-pro-v1:0 --format terraform
  outcrop iam-policy -f outcrop.yaml
  outcrop iam-policy --region us-east-1 --model 'amazon.nova-*' --features count-tokens

Nothing is asked of AWS. What had to be assumed is told on stderr, in Terraform as comments.")]
pub struct IamPolicyArgs {
    /// Allow what this configuration calls, for each identity in it: a file or a folder; may be given
    /// several times. The flags say what it leaves open.
    #[arg(short = 'f', long, value_name = "FILE", conflicts_with = "assume_role")]
    pub config: Vec<PathBuf>,
    /// AWS region [default: AWS_REGION, then AWS_DEFAULT_REGION].
    #[arg(long)]
    pub region: Option<String>,
    /// A model that the gateway may call: a name, id, profile id or ARN, with * for any run of characters;
    /// may be given several times.
    #[arg(long, value_name = "MODEL")]
    pub model: Vec<String>,
    /// Whose inference profiles may stand in for plain ids, as for `serve`: home, off, us, eu, …
    #[arg(long, default_value = "home", value_name = "GEOGRAPHY", value_parser = geography)]
    pub geography: Geography,
    /// What is used beside inference; several with commas between.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "FEATURES")]
    pub features: Vec<Feature>,
    /// A guardrail that requests name, by id or ARN; may be given several times.
    #[arg(long, value_name = "ID")]
    pub guardrail: Vec<String>,
    /// A role that the gateway assumes (serve --assume-role): one policy for whoever assumes it, another for
    /// the role. Several form a chain.
    #[arg(long, value_name = "ARN")]
    pub assume_role: Vec<String>,
    /// The account that the policy is for: twelve digits [default: a wildcard].
    #[arg(long, value_name = "ID", value_parser = account)]
    pub account: Option<String>,
    /// JSON: a policy document, or one by the name of each identity. Terraform: aws_iam_policy_document.
    #[arg(long, value_enum, default_value_t = Format::Json)]
    pub format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Format {
    Json,
    Terraform,
}

pub fn run(args: IamPolicyArgs) -> anyhow::Result<()> {
    let region = args.region.or_else(|| {
        ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(|name| std::env::var(name).ok())
    });
    let defaults = Defaults {
        region,
        models: args.model,
        geography: args.geography,
        features: args.features.into_iter().collect(),
        guardrails: args.guardrail,
        roles: args.assume_role,
    };
    let demands = match args.config.is_empty() {
        true => defaults.demands(),
        false => config::of_config(&check::load(args.config)?, &defaults),
    };
    let demands = demands.map_err(anyhow::Error::msg)?;
    let account = Account { id: args.account, profiles: Vec::new() };
    let policies: Vec<_> = demands.iter().map(|demand| grant::policy(demand, &account)).collect();
    for policy in &policies {
        let size = write::size(policy);
        if size > MANAGED_POLICY {
            note!(
                "warning: the policy of {} has {size} characters; a managed policy takes {MANAGED_POLICY}",
                policy.principal
            );
        }
    }
    match args.format {
        Format::Json => {
            let mut told = std::collections::BTreeSet::new();
            for assumption in policies.iter().flat_map(|policy| &policy.assumptions) {
                if told.insert(assumption) {
                    note!("assumed: {assumption}");
                }
            }
            print_text(&write::json(&policies))
        }
        Format::Terraform => print_text(&write::terraform(&policies)),
    }
}

fn account(text: &str) -> Result<String, String> {
    match text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Ok(text.to_owned()),
        false => Err("an account id has twelve digits".to_owned()),
    }
}

#[cfg(test)]
mod tests;
