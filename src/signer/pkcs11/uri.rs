//! PKCS#11 URIs (RFC 7512): which object on which token is meant, and how it is opened.
//!
//! What stands behind the `?` can hold a PIN and is never shown: not by `Display`, `Debug` or an error.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// How every URI begins.
pub const SCHEME: &str = "pkcs11:";
/// The longest URI, in octets.
const LONGEST: usize = 4096;

/// A PKCS#11 URI that was parsed.
#[derive(Clone)]
pub struct Pkcs11Uri {
    /// As it was written: two URIs are the same if they are written the same.
    text: Arc<Zeroizing<String>>,
    path: Attributes,
    query: Query,
}

/// What the path of a URI says about an object, its token, its slot and its module; what is absent matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// The token's label.
    pub token: Option<String>,
    /// Who made the token.
    pub manufacturer: Option<String>,
    /// The token's serial number.
    pub serial: Option<String>,
    /// The token's model.
    pub model: Option<String>,
    /// Who made the module.
    pub library_manufacturer: Option<String>,
    /// The module's description.
    pub library_description: Option<String>,
    /// The module's version: `2` or `2.6`.
    pub library_version: Option<String>,
    /// The slot's description.
    pub slot_description: Option<String>,
    /// Who made the slot.
    pub slot_manufacturer: Option<String>,
    /// The slot's number.
    pub slot_id: Option<u64>,
    /// The object's label.
    pub object: Option<String>,
    /// The object's id.
    pub id: Option<Vec<u8>>,
    /// The object's class.
    pub class: Option<Class>,
}

/// The classes of objects that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// `cert`
    Certificate,
    /// `private`
    PrivateKey,
    /// `public`
    PublicKey,
}

/// How the object is opened.
#[derive(Clone, Debug, Default)]
struct Query {
    module_path: Option<PathBuf>,
    module_name: Option<String>,
    pin: Option<UriPin>,
}

/// Where a URI says that the PIN is.
#[derive(Clone, Debug)]
pub enum UriPin {
    /// `pin-source=|/path/program argument`: a program prints it.
    Command(Vec<String>),
    /// `pin-source=file:/path` or `/path`.
    File(PathBuf),
    /// `pin-value`: the PIN itself.
    Value(Arc<Secret<String>>),
}

/// What is wrong with a URI; a fixed text, which cannot hold a PIN.
pub type UriError = &'static str;

impl Pkcs11Uri {
    /// Parses a URI: `pkcs11:token=build;object=host?pin-source=file:/etc/anyrole/pin`.
    ///
    /// Names and values are those of RFC 7512 §2.3 and §2.4, each at most once. Vendor attributes (`x-…`) of the query are passed over;
    /// of the path they are refused, since nobody could tell whether an object matches.
    ///
    /// # Errors
    ///
    /// Fails with what is wrong.
    pub fn parse(text: &str) -> Result<Self, UriError> {
        if text.len() > LONGEST {
            return Err("it is longer than 4096 octets");
        }
        let rest = text.strip_prefix(SCHEME).ok_or("it does not begin with pkcs11:")?;
        if rest.chars().any(|character| character.is_whitespace() || character.is_control()) {
            return Err("it has a blank or a control character; a blank is written %20");
        }
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        Ok(Self {
            text: Arc::new(Zeroizing::new(text.to_owned())),
            path: Attributes::parse(path)?,
            query: query.map_or_else(|| Ok(Query::default()), Query::parse)?,
        })
    }

    /// Returns what the path says.
    pub const fn attributes(&self) -> &Attributes {
        &self.path
    }

    /// Returns the module that `module-path` names; it is absolute.
    pub const fn module_path(&self) -> Option<&PathBuf> {
        self.query.module_path.as_ref()
    }

    /// Returns the module that `module-name` names, without folder.
    pub fn module_name(&self) -> Option<&str> {
        self.query.module_name.as_deref()
    }

    /// Returns where the PIN is, if the URI says.
    pub const fn pin(&self) -> Option<&UriPin> {
        self.query.pin.as_ref()
    }

    /// Returns the path as it was written, which names the object and holds no secret.
    pub fn place(&self) -> &str {
        self.text.split('?').next().unwrap_or_default()
    }
}

/// Returns as much of what should be a URI as may be shown: nothing behind the `?`, and no attribute whose name begins with `pin`,
/// which somebody may have written before it.
pub fn shown(text: &str) -> String {
    let path = text.split('?').next().unwrap_or_default();
    let (scheme, attributes) = path.split_at(path.find(':').map_or(0, |colon| colon + 1));
    let is_pin = |attribute: &&str| {
        attribute.trim_start().get(..3).is_some_and(|start| start.eq_ignore_ascii_case("pin"))
    };
    let kept: Vec<&str> = attributes.split([';', '&']).filter(|attribute| !is_pin(attribute)).collect();
    format!("{scheme}{}", kept.join(";"))
}

impl Attributes {
    fn parse(path: &str) -> Result<Self, UriError> {
        let mut found = Self::default();
        for attribute in path.split(';').filter(|attribute| !attribute.is_empty()) {
            let (name, value) =
                attribute.split_once('=').ok_or("an attribute has no value; write name=value")?;
            let place = match name {
                "token" => &mut found.token,
                "manufacturer" => &mut found.manufacturer,
                "serial" => &mut found.serial,
                "model" => &mut found.model,
                "library-manufacturer" => &mut found.library_manufacturer,
                "library-description" => &mut found.library_description,
                "library-version" => &mut found.library_version,
                "slot-description" => &mut found.slot_description,
                "slot-manufacturer" => &mut found.slot_manufacturer,
                "object" => &mut found.object,
                "id" => {
                    let octets = octets(value)?;
                    once(&mut found.id, octets)?;
                    continue;
                }
                "slot-id" => {
                    let number = value.parse().map_err(|_| "slot-id is not a number")?;
                    once(&mut found.slot_id, number)?;
                    continue;
                }
                // The last one is how drafts of the RFC had it.
                "type" | "object-type" | "objecttype" => {
                    let class = match value {
                        "cert" => Class::Certificate,
                        "private" => Class::PrivateKey,
                        "public" => Class::PublicKey,
                        _ => return Err("type is not cert, private or public"),
                    };
                    once(&mut found.class, class)?;
                    continue;
                }
                "pin-value" | "pin-source" | "module-path" | "module-name" => {
                    return Err("pin-value, pin-source, module-path and module-name stand behind a '?'");
                }
                _ => return Err("it has an attribute that is not known"),
            };
            once(place, text(value)?)?;
        }
        Ok(found)
    }

    /// Returns the URI of these attributes, which can be pasted anywhere.
    pub fn to_uri(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        let texts = [
            ("library-manufacturer", &self.library_manufacturer),
            ("library-description", &self.library_description),
            ("library-version", &self.library_version),
            ("slot-description", &self.slot_description),
            ("slot-manufacturer", &self.slot_manufacturer),
            ("model", &self.model),
            ("manufacturer", &self.manufacturer),
            ("token", &self.token),
            ("serial", &self.serial),
            ("object", &self.object),
        ];
        for (name, value) in texts {
            if let Some(value) = value {
                parts.push(format!("{name}={}", encoded(value.as_bytes())));
            }
        }
        if let Some(number) = self.slot_id {
            parts.push(format!("slot-id={number}"));
        }
        if let Some(id) = &self.id {
            parts.push(format!("id={}", all_encoded(id)));
        }
        if let Some(class) = self.class {
            parts.push(format!("type={class}"));
        }
        format!("{SCHEME}{}", parts.join(";"))
    }

    /// Tells whether the attributes name a token, beyond what any token would match.
    pub const fn name_a_token(&self) -> bool {
        self.token.is_some()
            || self.manufacturer.is_some()
            || self.serial.is_some()
            || self.model.is_some()
            || self.slot_id.is_some()
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "cert",
            Self::PrivateKey => "private",
            Self::PublicKey => "public",
        })
    }
}

impl Query {
    fn parse(query: &str) -> Result<Self, UriError> {
        let mut found = Self::default();
        for attribute in query.split('&').filter(|attribute| !attribute.is_empty()) {
            let (name, value) =
                attribute.split_once('=').ok_or("an attribute has no value; write name=value")?;
            match name {
                "module-path" => {
                    let path = PathBuf::from(text(value)?);
                    if !path.is_absolute() {
                        return Err("module-path is not an absolute path");
                    }
                    once(&mut found.module_path, path)?;
                }
                "module-name" => {
                    let name = text(value)?;
                    if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
                        return Err("module-name is a name, not a path");
                    }
                    once(&mut found.module_name, name)?;
                }
                "pin-source" => once(&mut found.pin, pin_source(&text(value)?)?)
                    .map_err(|_| "it says twice where the PIN is")?,
                "pin-value" => {
                    let pin = UriPin::Value(Arc::new(Secret::new(text(value)?)));
                    once(&mut found.pin, pin).map_err(|_| "it says twice where the PIN is")?;
                }
                _ if name.starts_with("x-") => {}
                _ => return Err("it has an attribute behind the '?' that is not known"),
            }
        }
        Ok(found)
    }
}

fn pin_source(source: &str) -> Result<UriPin, UriError> {
    if let Some(command) = source.strip_prefix('|') {
        let words: Vec<String> = command.split_ascii_whitespace().map(str::to_owned).collect();
        return match words.first() {
            Some(program) if PathBuf::from(program).is_absolute() => Ok(UriPin::Command(words)),
            Some(_) | None => Err("the program of pin-source is not an absolute path"),
        };
    }
    let path = source.strip_prefix("file:").unwrap_or(source);
    let path = path.strip_prefix("//").map_or(path, |rest| rest.strip_prefix("localhost").unwrap_or(rest));
    if PathBuf::from(path).is_absolute() {
        Ok(UriPin::File(PathBuf::from(path)))
    } else {
        Err("pin-source is neither file: and an absolute path, nor | and a program")
    }
}

fn once<T>(place: &mut Option<T>, value: T) -> Result<(), UriError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err("it says something twice"),
    }
}

/// Decodes `%XX`; a `%` that begins none is an error.
fn octets(value: &str) -> Result<Vec<u8>, UriError> {
    let well_formed = value
        .split('%')
        .skip(1)
        .all(|part| part.as_bytes().get(..2).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit)));
    if well_formed {
        Ok(percent_decode_str(value).collect())
    } else {
        Err("a % is not followed by two hex digits")
    }
}

fn text(value: &str) -> Result<String, UriError> {
    String::from_utf8(octets(value)?).map_err(|_| "a value is not UTF-8")
}

/// Encodes all but the unreserved characters of RFC 3986.
fn encoded(octets: &[u8]) -> String {
    let one = |octet: &u8| match octet {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(*octet).to_string(),
        other => format!("%{other:02X}"),
    };
    octets.iter().map(one).collect()
}

/// Encodes every octet, as ids are written.
fn all_encoded(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("%{octet:02X}")).collect()
}

impl PartialEq for Pkcs11Uri {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pkcs11Uri {}

impl Hash for Pkcs11Uri {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

/// Shows the path.
impl fmt::Display for Pkcs11Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.place())
    }
}

/// Shows the path.
impl fmt::Debug for Pkcs11Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pkcs11Uri({})", self.place())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[cfg(unix)]
    fn parsed(text: &str) -> Pkcs11Uri {
        Pkcs11Uri::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"))
    }

    #[test]
    #[cfg(unix)]
    fn every_attribute_of_the_rfc_is_read() {
        let uri = parsed(
            "pkcs11:token=The%20Software%20PKCS%2311%20Softtoken;manufacturer=Snake%20Oil,%20Inc.;serial=;model=1.0;\
             library-manufacturer=m;library-description=d;library-version=3.1;slot-description=sd;slot-manufacturer=sm;\
             slot-id=327;object=my-certificate;type=cert;id=%69%95%3E%5C%F4%BD%EC%91\
             ?module-path=/usr/lib/x.so&module-name=x&pin-source=file:/etc/token_pin&x-vendor=1",
        );
        let attributes = uri.attributes();
        assert_eq!(attributes.token.as_deref(), Some("The Software PKCS#11 Softtoken"));
        assert_eq!(attributes.manufacturer.as_deref(), Some("Snake Oil, Inc."));
        assert_eq!(attributes.serial.as_deref(), Some(""));
        assert_eq!((attributes.slot_id, attributes.class), (Some(327), Some(Class::Certificate)));
        assert_eq!(attributes.id.as_deref(), Some(&[0x69, 0x95, 0x3E, 0x5C, 0xF4, 0xBD, 0xEC, 0x91][..]));
        assert_eq!(uri.module_path(), Some(&PathBuf::from("/usr/lib/x.so")));
        assert_eq!(uri.module_name(), Some("x"));
        assert!(matches!(uri.pin(), Some(UriPin::File(path)) if path == &PathBuf::from("/etc/token_pin")));
        assert!(parsed("pkcs11:").attributes() == &Attributes::default());
    }

    #[test]
    #[cfg(unix)]
    fn the_sources_of_a_pin_are_told_apart() {
        for written in ["/run/pin", "file:/run/pin", "file:///run/pin", "file://localhost/run/pin"] {
            let uri = parsed(&format!("pkcs11:token=a?pin-source={written}"));
            assert!(
                matches!(uri.pin(), Some(UriPin::File(path)) if path == &PathBuf::from("/run/pin")),
                "{written}"
            );
        }
        let uri = parsed("pkcs11:token=a?pin-source=%7C/usr/lib/pinomatic%20-v");
        assert!(matches!(uri.pin(), Some(UriPin::Command(words)) if words == &["/usr/lib/pinomatic", "-v"]));
        let uri = parsed("pkcs11:token=a?pin-value=canary%3B");
        assert!(matches!(uri.pin(), Some(UriPin::Value(pin)) if pin.expose() == "canary;"));
        assert!(!format!("{uri} {uri:?} {:?}", uri.pin()).contains("canary"));
    }

    #[test]
    fn what_is_wrong_is_told_without_the_pin() {
        for wrong in [
            "pkcs12:token=a",
            "pkcs11:token",
            "pkcs11:token=a;token=b",
            "pkcs11:token=%2",
            "pkcs11:token=%zz",
            "pkcs11:token=%FF",
            "pkcs11:colour=red",
            "pkcs11:x-vendor=1",
            "pkcs11:type=data",
            "pkcs11:slot-id=one",
            "pkcs11:slot-id=-1",
            "pkcs11:token=a;pin-value=canary",
            "pkcs11:token=My Token",
            "pkcs11:token=a?pin-value=canary&pin-source=/x",
            "pkcs11:token=a?pin-source=pin.txt",
            "pkcs11:token=a?pin-source=|pinomatic",
            "pkcs11:token=a?pin-source=%7C./x",
            "pkcs11:token=a?module-path=./e.so",
            "pkcs11:token=a?module-name=..%2Fe",
            "pkcs11:token=a?module-name=../e",
            "pkcs11:token=a?colour=red",
        ] {
            let why = Pkcs11Uri::parse(wrong).expect_err(wrong);
            assert!(!why.contains("canary") && !shown(wrong).contains("canary"), "{wrong}: {why}");
        }
        assert!(Pkcs11Uri::parse(&format!("pkcs11:token={}", "a".repeat(LONGEST))).is_err());
    }

    #[test]
    fn no_pin_is_shown_wherever_it_is_written() {
        assert_eq!(shown("pkcs11:token=a;PIN-value=1;object=b?pin-value=2"), "pkcs11:token=a;object=b");
        assert_eq!(shown("pkcs11:pin-value=1"), "pkcs11:");
        assert_eq!(shown("pkcs11:token=a&pin-value=1"), "pkcs11:token=a");
    }

    proptest! {
        #[test]
        fn no_input_panics(text in ".{0,80}") {
            let _ = Pkcs11Uri::parse(&text);
            let _ = Pkcs11Uri::parse(&format!("pkcs11:{text}"));
            let _ = shown(&text);
        }

        #[test]
        fn nothing_of_a_pin_is_shown(pin in "[A-Za-z0-9%]{1,20}", label in "[a-z]{0,5}") {
            let written = format!("pkcs11:token={label}?pin-value=Canary{pin}");
            prop_assert!(!shown(&written).contains("Canary"));
            if let Ok(uri) = Pkcs11Uri::parse(&written) {
                let told = format!("{} {:?} {:?}", uri, uri, uri.pin());
                prop_assert!(!told.contains("Canary"));
            }
        }

        #[test]
        fn what_is_written_is_read_again(
            token in proptest::option::of(".{0,20}"),
            serial in proptest::option::of("[ -~]{0,16}"),
            object in proptest::option::of("\\PC{0,20}"),
            id in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..20)),
            slot_id in proptest::option::of(any::<u64>()),
        ) {
            let attributes = Attributes { token, serial, object, id, slot_id, class: Some(Class::PrivateKey), ..Attributes::default() };
            let uri = Pkcs11Uri::parse(&attributes.to_uri()).expect("it was written here");
            prop_assert_eq!(uri.attributes(), &attributes);
        }

        #[test]
        fn mutations_of_a_good_uri_do_not_panic(at in 0_usize..120, with in any::<char>()) {
            let good = "pkcs11:token=a%20b;serial=1;object=c;id=%01%02;type=private?module-path=/x.so&pin-source=%7C/bin/x";
            let mutated: String = good.chars().enumerate().map(|(index, one)| if index == at { with } else { one }).collect();
            let _ = Pkcs11Uri::parse(&mutated);
        }
    }
}
