//! Finds tokens, certificates and keys by their URIs.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::error::{Pkcs11Error, named};
use super::modules::{self, Candidates};
use super::program::{self, Program};
use super::uri::{Attributes, Class, Pkcs11Uri};
use super::wire::{Library, Object, Reply, Request, Token};
use crate::trace;

/// How tokens are reached.
#[derive(Clone, Debug)]
pub struct Access {
    /// The module; absent, the URI or the usual ones.
    pub module: Option<PathBuf>,
    /// The helper; absent, the one that is installed.
    pub helper: Option<PathBuf>,
    /// The longest that a token may take to be opened, and for each signature; a person's answer does not count.
    pub patience: Duration,
}

/// A certificate on a token.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenCertificate {
    /// The URI that means this certificate and no other.
    pub uri: String,
    /// Its DER.
    pub der: Vec<u8>,
    /// Its id, which its key shares.
    pub id: Vec<u8>,
}

impl fmt::Debug for TokenCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenCertificate({}, {} octets)", self.uri, self.der.len())
    }
}

/// What a URI means, and what lies beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenCertificates {
    /// The certificates that the URI means.
    pub meant: Vec<TokenCertificate>,
    /// All others on the same tokens: the CA certificates of a chain may be among them.
    pub others: Vec<TokenCertificate>,
}

/// A module in its helper, with its tokens as they were when it was loaded.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) program: Program,
    path: PathBuf,
    library: Library,
    tokens: Vec<Token>,
    pub(super) logged_in: BTreeSet<u64>,
}

/// The tokens of this machine, through one helper for each module.
#[derive(Debug)]
pub struct Tokens {
    access: Access,
    variables: Vec<(String, OsString)>,
    deadline: Instant,
    helper: Option<PathBuf>,
    loaded: Vec<Arc<Mutex<Loaded>>>,
}

/// A module, and those of its tokens that a URI means.
type Found = (Arc<Mutex<Loaded>>, Vec<Token>);

/// What a search has seen so far.
pub(super) struct Search {
    candidates: Candidates,
    pub(super) there: Vec<String>,
    tried: Vec<(String, String)>,
    any_loaded: bool,
}

impl Tokens {
    /// Keeps what is needed; nothing is started. The helper gets these variables and no others.
    pub fn new(access: Access, variables: Vec<(String, OsString)>) -> Self {
        let deadline = Instant::now() + access.patience;
        Self { access, variables, deadline, helper: None, loaded: Vec::new() }
    }

    pub(super) const fn patience(&self) -> Duration {
        self.access.patience
    }

    pub(super) const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Does not count the time that a person took.
    pub(super) fn excuse(&mut self, taken: Duration) {
        self.deadline += taken;
    }

    /// Returns the certificates that a URI means, and those beside them. Nobody is asked for a PIN.
    ///
    /// # Errors
    ///
    /// Fails if the helper or the module cannot be used, and if there is none.
    pub fn certificates(&mut self, uri: &Pkcs11Uri) -> Result<TokenCertificates, Pkcs11Error> {
        let mut search = self.search(uri)?;
        while let Some((loaded, tokens)) = self.next(&mut search, uri)? {
            let mut found = TokenCertificates { meant: Vec::new(), others: Vec::new() };
            let mut beside = Vec::new();
            for token in &tokens {
                let (meant, others) = lock(&loaded).certificates(token, uri.attributes(), self.deadline)?;
                let listed = |objects: Vec<Object>| {
                    objects.into_iter().filter(|object| !object.value.is_empty()).map(|object| {
                        TokenCertificate {
                            uri: object_uri(token, &object, Class::Certificate),
                            der: object.value,
                            id: object.id,
                        }
                    })
                };
                let (meant, others) = (listed(meant).collect::<Vec<_>>(), listed(others).collect::<Vec<_>>());
                if meant.is_empty() {
                    beside.extend(others.into_iter().map(|certificate| certificate.uri));
                } else {
                    found.meant.extend(meant);
                    found.others.extend(others);
                }
            }
            if !found.meant.is_empty() {
                return Ok(found);
            }
            if beside.is_empty() {
                let tokens = tokens.iter().map(|token| token_attributes(token).to_uri());
                search.there.extend(tokens);
            }
            search.there.extend(beside);
            search.passed(&loaded, "its tokens have no such certificate");
        }
        Err(search.not_found("certificate", uri))
    }

    pub(super) fn search(&self, uri: &Pkcs11Uri) -> Result<Search, Pkcs11Error> {
        let candidates = modules::candidates(self.access.module.as_deref(), uri)?;
        Ok(Search { candidates, there: Vec::new(), tried: Vec::new(), any_loaded: false })
    }

    /// Returns the next module that has tokens which a URI means, and those tokens.
    pub(super) fn next(
        &mut self,
        search: &mut Search,
        uri: &Pkcs11Uri,
    ) -> Result<Option<Found>, Pkcs11Error> {
        while !search.candidates.paths.is_empty() {
            let path = search.candidates.paths.remove(0);
            let loaded = match self.load(&path) {
                Ok(loaded) => loaded,
                Err(error) if search.candidates.are_named || error.is_of_helper() => return Err(error),
                Err(error) => {
                    search.tried.push((named(&path), error.why()));
                    continue;
                }
            };
            search.any_loaded = true;
            let (matching, others) = lock(&loaded).matching(uri.attributes());
            if !matching.is_empty() {
                return Ok(Some((loaded, matching)));
            }
            let why = if others.is_empty() { "it has no token" } else { "it has no such token" };
            search.there.extend(others);
            search.passed(&loaded, why);
        }
        Ok(None)
    }

    fn load(&mut self, path: &Path) -> Result<Arc<Mutex<Loaded>>, Pkcs11Error> {
        if let Some(found) = self.loaded.iter().find(|loaded| lock(loaded).path == path) {
            return Ok(Arc::clone(found));
        }
        let helper = match &self.helper {
            Some(helper) => helper.clone(),
            None => program::find(self.access.helper.as_deref())?,
        };
        self.helper = Some(helper.clone());
        modules::judge(path)?;
        let (program, library) = Program::start(&helper, &self.variables, path, self.deadline)?;
        trace::step(|| {
            format!("PKCS#11 module {}: {} {}", program.module(), library.description, library.version)
        });
        let mut loaded = Loaded {
            program,
            path: path.to_owned(),
            library,
            tokens: Vec::new(),
            logged_in: BTreeSet::new(),
        };
        loaded.ask_for_tokens(self.deadline)?;
        let loaded = Arc::new(Mutex::new(loaded));
        self.loaded.push(Arc::clone(&loaded));
        Ok(loaded)
    }
}

impl Search {
    /// Notes that a module did not have what is looked for.
    pub(super) fn passed(&mut self, loaded: &Mutex<Loaded>, why: &str) {
        self.tried.push((named(&lock(loaded).path), why.to_owned()));
    }

    pub(super) fn not_found(self, what: &'static str, uri: &Pkcs11Uri) -> Pkcs11Error {
        let Self { candidates, mut there, mut tried, any_loaded } = self;
        // The same token may be seen through several modules.
        let mut seen = BTreeSet::new();
        there.retain(|uri| seen.insert(uri.clone()));
        tried.extend(candidates.absent);
        if any_loaded {
            Pkcs11Error::NotFound { what, uri: crate::text::quoted(uri.place()), there, tried }
        } else {
            Pkcs11Error::NoModule { tried }
        }
    }
}

impl Loaded {
    /// Returns the tokens that a URI means, and the URIs of the others.
    fn matching(&self, wanted: &Attributes) -> (Vec<Token>, Vec<String>) {
        let (matching, others): (Vec<_>, Vec<_>) =
            self.tokens.iter().cloned().partition(|token| token_is_meant(token, &self.library, wanted));
        let others = others.iter().filter(|token| !is_trust_store(token));
        (matching, others.map(|token| token_attributes(token).to_uri()).collect())
    }

    /// Asks the module anew which tokens there are, and what they say of their PINs.
    pub(super) fn ask_for_tokens(&mut self, deadline: Instant) -> Result<(), Pkcs11Error> {
        let doing = "was listing its tokens";
        let reply = self.program.ask(&Request::Tokens, doing, deadline, None)?;
        let Reply::Tokens(tokens) = reply else { return Err(self.program.out_of_turn(&reply, doing)) };
        self.tokens = tokens;
        Ok(())
    }

    /// Returns a token as it is now.
    pub(super) fn token(&self, slot: u64) -> Option<&Token> {
        self.tokens.iter().find(|token| token.slot == slot)
    }

    /// Returns the objects of a class that have the label and the id which the attributes say, if any.
    pub(super) fn find(
        &mut self,
        token: &Token,
        class: Class,
        wanted: &Attributes,
        deadline: Instant,
    ) -> Result<Vec<Object>, Pkcs11Error> {
        let doing = "was listing its objects";
        let request =
            Request::Find { slot: token.slot, class, label: wanted.object.clone(), id: wanted.id.clone() };
        let reply = self.program.ask(&request, doing, deadline, None)?;
        let Reply::Objects(objects) = reply else { return Err(self.program.out_of_turn(&reply, doing)) };
        Ok(objects)
    }

    /// Returns the certificates that the attributes mean, and the others of the token. A token may have more than are looked at: then
    /// there are no others beside one that is named.
    fn certificates(
        &mut self,
        token: &Token,
        wanted: &Attributes,
        deadline: Instant,
    ) -> Result<(Vec<Object>, Vec<Object>), Pkcs11Error> {
        let mut meant = self.find(token, Class::Certificate, wanted, deadline)?;
        meant.retain(|object| is_meant(object, wanted));
        if !name_an_object(wanted) {
            return Ok((meant, Vec::new()));
        }
        let others = match self.find(token, Class::Certificate, &Attributes::default(), deadline) {
            Err(Pkcs11Error::ModuleFailed { why, .. }) => {
                trace::step(|| format!("PKCS#11: the other certificates of the token are not seen: {why}"));
                Vec::new()
            }
            found => found?,
        };
        Ok((meant, others.into_iter().filter(|object| !is_meant(object, wanted)).collect()))
    }
}

pub(super) fn lock(loaded: &Mutex<Loaded>) -> MutexGuard<'_, Loaded> {
    loaded.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_meant(object: &Object, wanted: &Attributes) -> bool {
    wanted.object.as_ref().is_none_or(|label| *label == object.label)
        && wanted.id.as_ref().is_none_or(|id| *id == object.id)
}

/// Tells whether the attributes name one object, and not all of a class.
const fn name_an_object(wanted: &Attributes) -> bool {
    wanted.object.is_some() || wanted.id.is_some()
}

fn token_is_meant(token: &Token, library: &Library, wanted: &Attributes) -> bool {
    let same = |wanted: &Option<String>, is: &str| wanted.as_ref().is_none_or(|wanted| wanted == is);
    same(&wanted.token, &token.label)
        && same(&wanted.manufacturer, &token.manufacturer)
        && same(&wanted.serial, &token.serial)
        && same(&wanted.model, &token.model)
        && same(&wanted.slot_description, &token.slot_description)
        && same(&wanted.slot_manufacturer, &token.slot_manufacturer)
        && wanted.slot_id.is_none_or(|number| number == token.slot)
        && same(&wanted.library_manufacturer, &library.manufacturer)
        && same(&wanted.library_description, &library.description)
        && wanted
            .library_version
            .as_ref()
            .is_none_or(|version| *version == library.version || format!("{version}.0") == library.version)
        && (wanted.name_a_token() || !is_trust_store(token))
}

/// Tells whether it is the system's list of CAs, which p11-kit shows as a token.
fn is_trust_store(token: &Token) -> bool {
    token.model == "p11-kit-trust"
}

/// Returns the attributes that mean a token and, as far as that can be, no other.
pub(super) fn token_attributes(token: &Token) -> Attributes {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Attributes {
        token: Some(token.label.clone()),
        serial: some(&token.serial),
        slot_id: token.serial.is_empty().then_some(token.slot),
        ..Attributes::default()
    }
}

/// Returns the URI that means an object and no other.
pub(super) fn object_uri(token: &Token, object: &Object, class: Class) -> String {
    Attributes {
        object: (!object.label.is_empty()).then(|| object.label.clone()),
        id: (!object.id.is_empty()).then(|| object.id.clone()),
        class: Some(class),
        ..token_attributes(token)
    }
    .to_uri()
}

impl Pkcs11Error {
    /// Tells whether the helper is the trouble, so that no other module would do better.
    const fn is_of_helper(&self) -> bool {
        matches!(self, Self::HelperMissing { .. } | Self::HelperUnusable { .. })
    }

    /// Says why a module that nobody named was passed over.
    fn why(&self) -> String {
        if let Self::ModuleNotLoaded { why, .. } | Self::ModuleFailed { why, .. } = self {
            why.clone()
        } else if let Self::ModuleCrashed { doing, how, .. } = self {
            format!("it crashed while it {doing} ({how})")
        } else {
            self.to_string()
        }
    }
}
