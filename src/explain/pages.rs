//! The manual's page for each stable id of a failure, as `anyrole explain ID` prints it.

/// Makes the table of the pages from their ids, which are also the names of their files.
macro_rules! pages {
    ($($id:literal,)*) => {
        /// Ids and pages, in alphabetical order.
        const PAGES: &[(&str, &str)] =
            &[$(($id, include_str!(concat!("../manual/refusals/", $id, ".md")))),*];
    };
}

pages! {
    "answer-expiration",
    "answer-malformed",
    "answer-other-role",
    "answer-too-large",
    "aws-attributes-not-mapped",
    "aws-cannot-assume-role",
    "aws-certificate-revoked",
    "aws-insufficient-certificate",
    "aws-invalid-profile",
    "aws-invalid-request",
    "aws-invalid-signature",
    "aws-refused",
    "aws-role-not-in-profile",
    "aws-session-name-not-accepted",
    "aws-throttled",
    "aws-trust-anchor-not-found",
    "aws-unavailable",
    "aws-untrusted-certificate",
    "ca-bundle-unusable",
    "deadline",
    "endpoint-insecure",
    "endpoint-malformed",
    "endpoint-not-standard",
    "network-connection-lost",
    "network-connection-refused",
    "network-dns",
    "network-failed",
    "network-proxy-refused",
    "network-redirect",
    "network-timeout",
    "network-tls",
    "network-untrusted-server",
    "no-trusted-roots",
    "proxy-answered",
    "proxy-malformed",
    "region-malformed",
    "regions-differ",
    "role-session-name-malformed",
    "session-duration-out-of-range",
    "signing-failed",
    "sts-answer-malformed",
    "sts-refused",
}

/// Returns the page for an id.
pub fn page(id: &str) -> Option<&'static str> {
    PAGES.iter().find(|(known, _)| *known == id).map(|(_, page)| *page)
}

/// Returns all ids that have a page, in alphabetical order.
pub fn ids() -> impl Iterator<Item = &'static str> {
    PAGES.iter().map(|(id, _)| *id)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{http, session, signing, sts};

    /// The ids of every module that has any.
    const ALL: &[&[&str]] = &[
        http::error::IDS,
        http::proxy::IDS,
        session::error::IDS,
        session::refusal::IDS,
        session::request::IDS,
        signing::IDS,
        signing::endpoint::IDS,
        sts::error::IDS,
    ];

    #[test]
    fn every_id_has_a_page_and_every_page_an_id() {
        let used: BTreeSet<&str> = ALL.iter().flat_map(|ids| ids.iter().copied()).collect();
        let with_page: BTreeSet<&str> = ids().collect();
        assert_eq!(
            used.difference(&with_page).collect::<Vec<_>>(),
            Vec::<&&str>::new(),
            "ids without a page"
        );
        assert_eq!(
            with_page.difference(&used).collect::<Vec<_>>(),
            Vec::<&&str>::new(),
            "pages without an id"
        );
        assert!(ids().is_sorted());
    }

    #[test]
    fn pages_are_short_and_have_a_heading() {
        for (id, page) in PAGES {
            assert!(page.starts_with("# "), "{id} has no heading");
            assert!(page.ends_with('\n'), "{id} does not end with a line feed");
            assert!(page.lines().count() <= 40, "{id} is longer than a screen");
            assert!(page.lines().all(|line| line.chars().count() <= 100), "{id} has a line over 100 columns");
        }
    }
}
