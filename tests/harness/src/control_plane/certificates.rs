//! The keys and certificates of one control plane, all signed by an authority of its own.
//!
//! A client of one control plane therefore cannot talk to another by mistake, not even when that
//! one has got its old port.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

use super::Error;
use crate::files;

/// Where the files are.
#[derive(Debug)]
pub(super) struct Certificates {
    pub(super) authority: PathBuf,
    pub(super) server: Pair,
    pub(super) admin: Pair,
    /// Signs and verifies the tokens of service accounts.
    pub(super) service_accounts: Pair,
}

/// A public file (a certificate or a key) and the private key that belongs to it.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) public: PathBuf,
    pub(super) private: PathBuf,
}

type Authority = CertifiedIssuer<'static, KeyPair>;

impl Certificates {
    /// Makes everything anew in `folder`.
    pub(super) fn issue(folder: &Path) -> Result<Self, Error> {
        files::create_folder(folder)?;
        let authority = authority()?;
        let authority_file = folder.join("ca.crt");
        files::write(&authority_file, &authority.pem())?;
        Ok(Self {
            authority: authority_file,
            server: signed(&server_params()?, &authority, folder, "server")?,
            admin: signed(&admin_params(), &authority, folder, "admin")?,
            service_accounts: key_pair(folder, "service-accounts")?,
        })
    }
}

fn authority() -> Result<Authority, Error> {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "test control plane");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}

fn server_params() -> Result<CertificateParams, Error> {
    let names = [
        "127.0.0.1",
        "localhost",
        "kubernetes.default.svc",
        "10.0.0.1",
    ];
    let mut params = CertificateParams::new(names.map(String::from))?;
    params
        .distinguished_name
        .push(DnType::CommonName, "kube-apiserver");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

/// `system:masters` is the group that RBAC never refuses.
fn admin_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::OrganizationName, "system:masters");
    params
        .distinguished_name
        .push(DnType::CommonName, "test-admin");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn signed(
    params: &CertificateParams,
    authority: &Authority,
    folder: &Path,
    name: &str,
) -> Result<Pair, Error> {
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, authority)?;
    write_pair(
        folder,
        [&format!("{name}.crt"), &certificate.pem()],
        name,
        &key,
    )
}

fn key_pair(folder: &Path, name: &str) -> Result<Pair, Error> {
    let key = KeyPair::generate()?;
    write_pair(
        folder,
        [&format!("{name}.pub"), &key.public_key_pem()],
        name,
        &key,
    )
}

fn write_pair(
    folder: &Path,
    [file, content]: [&str; 2],
    name: &str,
    key: &KeyPair,
) -> Result<Pair, Error> {
    let pair = Pair {
        public: folder.join(file),
        private: folder.join(format!("{name}.key")),
    };
    files::write(&pair.public, content)?;
    files::write(&pair.private, &key.serialize_pem())?;
    Ok(pair)
}
