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
pub(crate) struct Pair {
    pub(crate) public: PathBuf,
    pub(crate) private: PathBuf,
}

impl Certificates {
    /// Makes everything anew.
    pub(super) fn issue(issuer: &Issuer, server_names: &[&str]) -> Result<Self, Error> {
        Ok(Self {
            authority: issuer.certificate(),
            server: issuer.server("server", "kube-apiserver", server_names)?,
            // The group that RBAC never refuses.
            admin: issuer.client("admin", "system:masters", "test-admin")?,
            service_accounts: issuer.key_pair("service-accounts")?,
        })
    }
}

/// The authority of one control plane, and the folder with all that it signed.
pub(crate) struct Issuer {
    authority: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
}

impl Issuer {
    /// Makes one anew in `folder`.
    pub(crate) fn new(folder: &Path) -> Result<Self, Error> {
        files::create_folder(folder)?;
        let issuer = Self {
            authority: authority()?,
            folder: folder.to_owned(),
        };
        files::write(&issuer.certificate(), &issuer.authority.pem())?;
        let key = issuer.authority.key().serialize_pem();
        files::write(&issuer.private(), &key)?;
        Ok(issuer)
    }

    /// The file with its own certificate.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    /// The file with its private key, for the controller that signs for nodes.
    pub(crate) fn private(&self) -> PathBuf {
        self.folder.join("ca.key")
    }

    /// For a server that is reached under these names and addresses.
    pub(crate) fn server(&self, file: &str, name: &str, reached: &[&str]) -> Result<Pair, Error> {
        let reached: Vec<String> = reached.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(reached)?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.signed(&params, file)
    }

    /// For a user of this name in this group.
    pub(crate) fn client(&self, file: &str, group: &str, user: &str) -> Result<Pair, Error> {
        let mut params = CertificateParams::default();
        let name = &mut params.distinguished_name;
        name.push(DnType::OrganizationName, group);
        name.push(DnType::CommonName, user);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.signed(&params, file)
    }

    fn key_pair(&self, name: &str) -> Result<Pair, Error> {
        let key = KeyPair::generate()?;
        let content = [&*format!("{name}.pub"), &key.public_key_pem()];
        write_pair(&self.folder, content, name, &key)
    }

    fn signed(&self, params: &CertificateParams, name: &str) -> Result<Pair, Error> {
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.authority)?;
        let content = [&*format!("{name}.crt"), &certificate.pem()];
        write_pair(&self.folder, content, name, &key)
    }
}

fn authority() -> Result<CertifiedIssuer<'static, KeyPair>, Error> {
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
