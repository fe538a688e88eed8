//! Cutting a stream of chunks into lines.

use memchr::memchr2;

/// Longest line that is looked at; what goes beyond belongs to no vscsiStats output and is dropped.
pub(super) const LONGEST: usize = 4096;

/// Where the next line is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cut<'chunk> {
    /// In the chunk.
    Line(&'chunk [u8]),
    /// In [`LineCutter::carried`], because it began in an earlier chunk.
    Carried,
    /// Not ended yet; its beginning is kept for the next chunk.
    Unfinished,
}

/// Ends a line at LF, at CR, or at CR LF, also when a chunk ends between the two.
#[derive(Debug, Default)]
pub(super) struct LineCutter {
    carry: Vec<u8>,
    after_carriage_return: bool,
}

impl LineCutter {
    /// Cuts the next line off `rest`.
    pub(super) fn cut<'chunk>(&mut self, rest: &mut &'chunk [u8]) -> Cut<'chunk> {
        if self.after_carriage_return
            && let Some(&first) = rest.first()
        {
            self.after_carriage_return = false;
            if first == b'\n' {
                *rest = rest.get(1..).unwrap_or_default();
            }
        }
        let Some(end) = memchr2(b'\n', b'\r', rest) else {
            self.keep(rest);
            *rest = &[];
            return Cut::Unfinished;
        };
        let (line, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        self.after_carriage_return = after.first() == Some(&b'\r');
        *rest = after.get(1..).unwrap_or_default();
        if self.carry.is_empty() {
            Cut::Line(line)
        } else {
            self.keep(line);
            Cut::Carried
        }
    }

    /// The chunk continues at the beginning of a line.
    pub(super) fn at_line_start(&self) -> bool {
        self.carry.is_empty() && !self.after_carriage_return
    }

    /// The line collected from several chunks; give the buffer back with [`Self::reuse`].
    pub(super) fn carried(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.carry)
    }

    pub(super) fn reuse(&mut self, mut buffer: Vec<u8>) {
        buffer.clear();
        self.carry = buffer;
    }

    fn keep(&mut self, piece: &[u8]) {
        let room = LONGEST.saturating_sub(self.carry.len());
        self.carry.extend_from_slice(piece.get(..room).unwrap_or(piece));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&[u8]]) -> Vec<String> {
        let mut cutter = LineCutter::default();
        let mut lines = Vec::new();
        for chunk in chunks {
            let mut rest = *chunk;
            while !rest.is_empty() {
                match cutter.cut(&mut rest) {
                    Cut::Line(line) => lines.push(String::from_utf8(line.to_vec()).unwrap()),
                    Cut::Carried => lines.push(String::from_utf8(cutter.carried()).unwrap()),
                    Cut::Unfinished => {}
                }
            }
        }
        lines
    }

    #[test]
    fn every_kind_of_line_end_ends_one_line() {
        assert_eq!(lines(&[b"a\nb\r\nc\rd\n"]), ["a", "b", "c", "d"]);
    }

    #[test]
    fn a_line_over_several_chunks_is_one_line() {
        assert_eq!(lines(&[b"ab", b"cd", b"e\nf\n"]), ["abcde", "f"]);
    }

    #[test]
    fn a_chunk_may_end_between_carriage_return_and_line_feed() {
        assert_eq!(lines(&[b"a\r", b"\nb\r\n"]), ["a", "b"]);
    }

    #[test]
    fn an_endless_line_is_kept_only_in_part() {
        let mut cutter = LineCutter::default();
        for _ in 0..100 {
            assert_eq!(cutter.cut(&mut &[b'x'; 1000][..]), Cut::Unfinished);
        }
        assert_eq!(cutter.carried().len(), LONGEST);
    }
}
