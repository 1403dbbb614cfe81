//! Policies as JSON documents and as Terraform.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::grant::{Condition, Policy, Statement};

/// One document, or one for each principal by its name.
pub fn json(policies: &[Policy]) -> String {
    let value = match policies {
        [one] => document(one),
        several => {
            let by_name = several.iter().map(|policy| (policy.principal.clone(), document(policy)));
            Value::Object(by_name.collect())
        }
    };
    format!("{value:#}\n")
}

/// A data block for each principal, its assumptions as comments.
pub fn terraform(policies: &[Policy]) -> String {
    let mut text = String::new();
    for policy in policies {
        if !text.is_empty() {
            text.push('\n');
        }
        // Writing to a string cannot fail.
        let _ = block(&mut text, policy);
    }
    text
}

/// Characters of a document as AWS counts them: without white space.
pub fn size(policy: &Policy) -> usize {
    document(policy).to_string().len()
}

// === helpers ===

fn document(policy: &Policy) -> Value {
    let statements: Vec<Value> = policy.statements.iter().map(statement).collect();
    json!({ "Version": "2012-10-17", "Statement": statements })
}

fn statement(statement: &Statement) -> Value {
    let Statement { sid, actions, resources, conditions } = statement;
    let mut value = json!({
        "Sid": sid,
        "Effect": "Allow",
        "Action": actions,
        "Resource": resources,
    });
    if !conditions.is_empty() {
        value["Condition"] = Value::Object(tests(conditions));
    }
    value
}

fn tests(conditions: &[Condition]) -> Map<String, Value> {
    let by_test = |condition: &Condition| {
        (condition.test.to_owned(), json!({ condition.key: condition.values }))
    };
    conditions.iter().map(by_test).collect()
}

fn block(text: &mut String, policy: &Policy) -> std::fmt::Result {
    let Policy { principal, statements, assumptions } = policy;
    for assumption in assumptions {
        writeln!(text, "# {assumption}.")?;
    }
    writeln!(text, "data \"aws_iam_policy_document\" \"{}\" {{", identifier(principal))?;
    for (at, statement) in statements.iter().enumerate() {
        if at > 0 {
            text.push('\n');
        }
        let Statement { sid, actions, resources, conditions } = statement;
        writeln!(text, "  statement {{\n    sid    = {}\n    effect = \"Allow\"", quoted(sid))?;
        list(text, "    actions", actions)?;
        list(text, "    resources", resources)?;
        for Condition { test, key, values } in conditions {
            writeln!(text, "    condition {{\n      test     = {}", quoted(test))?;
            writeln!(text, "      variable = {}", quoted(key))?;
            list(text, "      values", values)?;
            writeln!(text, "    }}")?;
        }
        writeln!(text, "  }}")?;
    }
    writeln!(text, "}}")
}

fn list(text: &mut String, name: &str, values: &[String]) -> std::fmt::Result {
    let indent = " ".repeat(name.len() - name.trim_start().len());
    writeln!(text, "{name} = [")?;
    for value in values {
        writeln!(text, "{indent}  {},", quoted(value))?;
    }
    writeln!(text, "{indent}]")
}

/// A name for the block: `outcrop`, or `outcrop_role_NAME`.
fn identifier(principal: &str) -> String {
    let plain: String = principal
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
        .collect();
    match plain.strip_prefix("outcrop") {
        Some(_) => plain,
        None => format!("outcrop_{plain}"),
    }
}

/// A string of Terraform's, in which nothing is a template.
fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", text.replace("${", "$${").replace("%{", "%%{"))
}
