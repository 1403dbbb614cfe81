//! Rows of text for people, and for spreadsheets.

use comfy_table::{Table, presets};

use crate::exit::{Exit, Failure};

/// Columns with their heads, of equal width whatever the script.
pub fn table<H: ToString>(head: &[H], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(head.iter().map(ToString::to_string));
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let mut shown = table.trim_fmt();
    shown.push('\n');
    shown
}

/// # Errors
/// Where a row cannot be written.
pub fn csv<H: AsRef<[u8]>>(
    head: &[H],
    rows: impl Iterator<Item = Vec<String>>,
) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(head)?;
    for row in rows {
        writer.write_record(row)?;
    }
    let written = writer.into_inner().map_err(|error| error.into_error())?;
    String::from_utf8(written)
        .map_err(|_| Failure::new(Exit::OutputFormat, "A row is not UTF-8.").into())
}

/// Text as one line of at most so many characters, without what would steer a terminal.
pub fn line(text: &str, most: usize) -> String {
    let clean = clean(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    match clean.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &clean[..end]),
        None => clean,
    }
}

/// Text without what would steer a terminal, that of whoever reads a file or a pipe later too.
pub fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
