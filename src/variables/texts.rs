//! The text of what has parts: the parts, joined, up to a length.

use crate::base::count::thousands;

/// Joins parts with commas, up to a length, and counts the others.
pub(super) struct Texts {
    text: String,
    limit: usize,
    left_out: u64,
}

impl Texts {
    pub(super) fn new(limit: usize) -> Self {
        Self { text: String::new(), limit, left_out: 0 }
    }

    /// Adds a part, while there is room.
    pub(super) fn push(&mut self, part: &str) {
        self.push_many(part, 1);
    }

    /// Adds a part that stands for so many.
    pub(super) fn push_many(&mut self, part: &str, count: u64) {
        // The first part is always shown.
        let is_full = !self.text.is_empty() && self.text.len() + part.len() > self.limit;
        if is_full || self.left_out > 0 {
            self.left_out = self.left_out.saturating_add(count);
            return;
        }
        if !self.text.is_empty() {
            self.text.push_str(", ");
        }
        self.text.push_str(part);
    }

    /// The whole, with how many parts it lacks: those that were left out here,
    /// and `unread` that were never added.
    pub(super) fn close(self, open: &str, close: &str, unread: u64) -> String {
        self.close_with(open, close, unread, None)
    }

    /// As [`Texts::close`], with a last word on what is wrong with the rest.
    pub(super) fn close_with(
        mut self,
        open: &str,
        close: &str,
        unread: u64,
        remark: Option<&str>,
    ) -> String {
        let missing = self.left_out.saturating_add(unread);
        let more = (missing > 0).then(|| match self.text.is_empty() {
            true => format!("... {}", thousands(missing)),
            false => format!("... {} more", thousands(missing)),
        });
        for end in more.as_deref().into_iter().chain(remark) {
            if !self.text.is_empty() {
                self.text.push_str(", ");
            }
            self.text.push_str(end);
        }
        format!("{open}{}{close}", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_counted() {
        let joined = |limit, unread, remark| {
            let mut texts = Texts::new(limit);
            texts.push("1");
            texts.push_many("2 <repeats 12 times>", 12);
            texts.push("3");
            texts.close_with("{", "}", unread, remark)
        };
        // (room, never added, remark, want)
        let cases = [
            (99, 0, None, "{1, 2 <repeats 12 times>, 3}"),
            (99, 1_244, None, "{1, 2 <repeats 12 times>, 3, ... 1,244 more}"),
            (10, 0, None, "{1, ... 13 more}"),
            (10, 1_000, Some("<damaged: x>"), "{1, ... 1,013 more, <damaged: x>}"),
        ];
        for (limit, unread, remark, want) in cases {
            assert_eq!(joined(limit, unread, remark), want);
        }
        assert_eq!(Texts::new(9).close("{", "}", 0), "{}");
        assert_eq!(Texts::new(9).close("{", "}", 7), "{... 7}");
    }
}
