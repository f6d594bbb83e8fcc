//! A program of its own that has credentials of IAM Roles Anywhere: `cargo run --example sdk -- deploy`.
//!
//! It needs `anyrole` with `default-features = false, features = ["sdk"]`, `aws-credential-types` and `tokio`.

#![expect(clippy::print_stdout, reason = "it is a program that a person runs")]

use std::error::Error;

use anyrole::sdk::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let Some(name) = std::env::args().nth(1) else { return Err("usage: sdk SESSION".into()) };
    // [session.NAME] of /etc/anyrole/config.toml or ~/.config/anyrole/config.toml; the key is not touched before it is needed.
    let session = Credentials::session(name)?;

    // With the crate aws-config, and then for every client of the SDK:
    //
    //     let config = aws_config::defaults(BehaviorVersion::latest()).credentials_provider(session).load().await;
    //     let buckets = aws_sdk_s3::Client::new(&config).list_buckets().send().await?;
    //
    // The SDK asks by this call, and again before the credentials expire. Of all that ask at once, in this program and in others, one
    // has a session made; later ones find it in the cache.
    let credentials = session.provide_credentials().await?;
    let account = credentials.account_id().map_or("of an unknown account", |account| account.as_str());
    println!("{} of account {account} until {:?}", credentials.access_key_id(), credentials.expiry());
    Ok(())
}
