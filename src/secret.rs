//! A value that must stay confidential: wiped on drop, not printable, not copyable.

use std::fmt;

use zeroize::Zeroize;

/// Holds a secret and wipes it on drop.
///
/// There is no `Display`, `Clone`, `PartialEq`, `Serialize` or `Deref`, and `Debug` prints only the type's name. The
/// only way to the value is [`Secret::expose`]; `tests/floors.rs` lists the files that may call it.
///
/// # Security
///
/// Only this buffer is wiped: not copies made by TLS, HTTP, the standard streams or the kernel, and nothing after
/// SIGKILL. Build the value in place.
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Returns the value. Each caller is listed in `tests/floors.rs`.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl Secret<String> {
    /// Returns a text of others with `…` for every occurrence of the value.
    pub fn concealed_in(&self, text: &str) -> String {
        if self.0.is_empty() { text.to_owned() } else { text.replace(&self.0, "…") }
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_does_not_show_the_value() {
        let secret = Secret::new(String::from("canary"));
        assert_eq!(format!("{secret:?}"), "Secret");
        assert_eq!(secret.expose(), "canary");
    }

    #[test]
    fn others_cannot_make_it_shown() {
        let conceal = |secret: &str| Secret::new(secret.to_owned()).concealed_in("a canary, canary");
        assert_eq!(conceal("canary"), "a …, …");
        assert_eq!(conceal(""), "a canary, canary");
    }
}
