//! Lists as people read them on a terminal: a heading, and columns as wide as what stands in them.

use crate::visible;

/// Puts the cells of `rows` below their headings. What a row has more than there are headings stands in lines of its own
/// below it.
pub(super) fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    // Made safe before it is measured: an escape takes more room than what it stands for.
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| visible::one_line(cell).into_owned()).collect())
        .collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(String::as_str);
        let heading = headings.get(column).copied();
        cells.chain(heading).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(&mut headings.iter().copied())];
    for row in &rows {
        lines.push(line(&mut row.iter().map(String::as_str)));
        lines.extend(row.iter().skip(headings.len()).map(|below| format!("  {below}")));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_below_their_headings_and_command_no_terminal() {
        let row = |cells: &[&str]| cells.iter().map(|&cell| cell.to_owned()).collect();
        let rows: [Vec<String>; 2] = [
            row(&["sql", "ru\u{1b}n", "esx1", "below"]),
            row(&["longer", "", "esx2"]),
        ];
        let expected = [
            "JOB     STATUS     HOST",
            "sql     ru\\u{1b}n  esx1",
            "  below",
            "longer             esx2",
        ];
        assert_eq!(table(&["JOB", "STATUS", "HOST"], &rows), expected.join("\n"));
    }
}
