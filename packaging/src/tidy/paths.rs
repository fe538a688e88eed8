//! The paths of a source file that lead through the root of its crate.
//!
//! Read are tokens and not text, so that comments, strings and line breaks cannot hide a path or feign one; and not a
//! syntax tree, so that the arguments of macros are seen as well.

use anyhow::{Result, anyhow};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A path that leads through the crate's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RootPath {
    /// Line of its first part below the root, from 1.
    pub(super) line: usize,
    /// The module it leads to.
    pub(super) leads: Leads,
}

/// Where a path leads from the crate's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Leads {
    /// To this item of the root, such as a module.
    To(String),
    /// To everything there, or to the root under another name: nobody can tell which modules are meant.
    Anywhere,
}

/// The paths in the text of a file that lead through the crate's root: by `crate`, by the crate's own name, or by enough
/// `super`. `depth` is how many modules the file lies below the root; 0 is the root itself.
///
/// # Errors
/// When the text is no Rust.
pub(super) fn through_root(text: &str, depth: usize, crate_name: &str) -> Result<Vec<RootPath>> {
    let tokens: TokenStream = text.parse().map_err(|error| anyhow!("it is no Rust: {error}"))?;
    let mut reader = Reader {
        crate_name,
        found: Vec::new(),
    };
    reader.read(tokens, depth);
    Ok(reader.found)
}

struct Reader<'name> {
    crate_name: &'name str,
    found: Vec<RootPath>,
}

impl Reader<'_> {
    /// Reads code that lies `depth` modules below the root.
    fn read(&mut self, tokens: TokenStream, depth: usize) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            let rest = &tokens[at..];
            if let [TokenTree::Ident(word), TokenTree::Ident(_), TokenTree::Group(body), ..] = rest
                && word == "mod"
                && body.delimiter() == Delimiter::Brace
            {
                self.read(body.stream(), depth + 1);
                at += 3;
            } else if is_joint(rest) {
                // What follows `::` is the middle of a path that was read from its beginning, or of no concern.
                at += 3;
            } else if let Some(height) = self.climb(rest.first(), depth) {
                at += 1 + self.path(&rest[1..], height);
            } else {
                if let Some(TokenTree::Group(group)) = rest.first() {
                    self.read(group.stream(), depth);
                }
                at += 1;
            }
        }
    }

    /// How deep the path is after this word, the first of a path in code at `depth`; `None` where the word names no
    /// module above or at the code's own.
    fn climb(&self, word: Option<&TokenTree>, depth: usize) -> Option<usize> {
        let Some(TokenTree::Ident(word)) = word else {
            return None;
        };
        match word.to_string().as_str() {
            "crate" => Some(0),
            "self" => Some(depth),
            "super" => Some(depth.saturating_sub(1)),
            name => (name == self.crate_name).then_some(0),
        }
    }

    /// Reads a path behind a word that led to `depth`, and returns how many tokens were read.
    fn path(&mut self, rest: &[TokenTree], depth: usize) -> usize {
        if depth == 0
            && let [TokenTree::Ident(word), ..] = rest
            && word == "as"
        {
            self.add(word.span(), Leads::Anywhere);
        }
        if !is_joint(rest) {
            return 0;
        }
        match rest.get(2) {
            Some(TokenTree::Ident(word)) if word == "super" => 3 + self.path(&rest[3..], depth.saturating_sub(1)),
            Some(TokenTree::Ident(word)) if word == "self" => 3 + self.path(&rest[3..], depth),
            Some(TokenTree::Ident(word)) if depth == 0 => {
                self.add(word.span(), Leads::To(word.to_string()));
                3
            }
            Some(TokenTree::Punct(star)) if depth == 0 && star.as_char() == '*' => {
                self.add(star.span(), Leads::Anywhere);
                3
            }
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                self.branches(group.stream(), depth);
                3
            }
            _ => 2,
        }
    }

    /// Reads the branches of a `use` in braces behind a path that led to `depth`.
    fn branches(&mut self, tokens: TokenStream, depth: usize) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ',');
        for branch in tokens.split(is_comma) {
            match branch {
                [TokenTree::Ident(word), rest @ ..] if word == "super" => {
                    self.path(rest, depth.saturating_sub(1));
                }
                [TokenTree::Ident(word), rest @ ..] if word == "self" => {
                    self.path(rest, depth);
                }
                [TokenTree::Ident(word), ..] if depth == 0 => self.add(word.span(), Leads::To(word.to_string())),
                [TokenTree::Punct(star)] if depth == 0 => self.add(star.span(), Leads::Anywhere),
                _ => {}
            }
        }
    }

    fn add(&mut self, span: proc_macro2::Span, leads: Leads) {
        self.found.push(RootPath {
            line: span.start().line,
            leads,
        });
    }
}

/// The tokens begin with `::` and something behind it.
fn is_joint(tokens: &[TokenTree]) -> bool {
    let is_colon = |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ':');
    matches!(tokens, [one, two, _, ..] if is_colon(one) && is_colon(two))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The modules that `text`, `depth` modules below the root, leads to, with their lines; `*` for anywhere.
    fn modules(text: &str, depth: usize) -> Vec<(usize, String)> {
        let found = through_root(text, depth, "vscsi_helper").unwrap();
        let shown = |path: RootPath| match path.leads {
            Leads::To(module) => (path.line, module),
            Leads::Anywhere => (path.line, "*".to_owned()),
        };
        found.into_iter().map(shown).collect()
    }

    fn names(text: &str, depth: usize) -> Vec<String> {
        modules(text, depth).into_iter().map(|(_, module)| module).collect()
    }

    #[test]
    fn an_import_is_found_with_its_line() {
        assert_eq!(modules("\nuse crate::cli::Env;", 2), [(2, "cli".to_owned())]);
    }

    #[test]
    fn every_branch_of_an_import_is_found() {
        let text = "use crate::{cli, store::{self, Store}, fio::*, self};";
        assert_eq!(names(text, 1), ["cli", "store", "fio"]);
    }

    #[test]
    fn a_path_inside_an_expression_a_type_or_a_macro_is_found() {
        let text = "fn f(x: &crate::a::B) -> Vec<crate::b::C> { let y = crate::c::d(x); format!(\"{}\", crate::e::F) }";
        assert_eq!(names(text, 1), ["a", "b", "c", "e"]);
    }

    #[test]
    fn supers_that_reach_the_root_are_found_and_others_are_not() {
        assert_eq!(names("use super::cli::Env;", 1), ["cli"]);
        assert_eq!(names("use super::error::Error;", 2), [""; 0]);
        assert_eq!(names("use super::super::cli;", 2), ["cli"]);
        assert_eq!(names("use self::super::cli;", 1), ["cli"]);
        assert_eq!(names("use super::{own, super::{cli, fio}};", 2), ["cli", "fio"]);
        assert_eq!(names("fn f() { super::super::cli::run() }", 2), ["cli"]);
    }

    #[test]
    fn a_module_inside_a_file_lies_one_deeper() {
        assert_eq!(names("mod tests { use super::*; use super::super::cli; }", 1), ["cli"]);
        assert_eq!(
            names("mod tests { mod inner { use super::super::super::cli; } }", 1),
            ["cli"]
        );
    }

    #[test]
    fn the_name_that_the_crate_has_outside_leads_through_the_root_too() {
        assert_eq!(names("use vscsi_helper::cli::Env;", 1), ["cli"]);
        assert_eq!(names("use other::cli::Env;", 1), [""; 0]);
    }

    #[test]
    fn all_of_the_root_and_the_root_by_another_name_lead_anywhere() {
        for text in [
            "use crate::*;",
            "use crate as root;",
            "use super::*;",
            "use crate::{self as root};",
            "use crate::{*};",
        ] {
            assert_eq!(names(text, 1), ["*"], "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_a_path_through_the_root_is_none() {
        for text in [
            "// use crate::cli;",
            "/// See [`crate::cli`].\nstruct S;",
            "const S: &str = \"crate::cli\";",
            "pub(crate) fn f() {}",
            "pub(super) struct S { pub(in crate::a) x: u8 }",
            "fn f(self) { self.cli.super_cli() }",
        ] {
            let expected: &[&str] = if text.contains("in crate") { &["a"] } else { &[] };
            assert_eq!(names(text, 1), expected, "{text}");
        }
    }

    #[test]
    fn text_that_is_no_rust_is_an_error() {
        assert!(through_root("fn f( {", 1, "vscsi_helper").is_err());
    }
}
