//! DNS for pods: the addresses of Services, as the apiserver knows them, and nothing else.
//!
//! One question a datagram, answered at once; a client that hears nothing asks again.

use std::net::{Ipv4Addr, SocketAddr};

use k8s_openapi::api::core::v1::Service;
use kube::{Api, Client, Config};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use super::{ADDRESS, Error};

/// What kubelet tells pods that all names end with.
pub(super) const DOMAIN: &str = "cluster.local";

const HEADER: usize = 12;
const TYPE_A: u16 = 1;
const NAME_ERROR: u8 = 3;

/// A running server; dropping it ends it.
#[derive(Debug)]
pub(super) struct Dns(JoinHandle<()>);

impl Drop for Dns {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Dns {
    /// Listens on the node's address, in the network of the calling thread.
    pub(super) async fn start(config: &Config) -> Result<Self, Error> {
        let client = Client::try_from(config.clone()).map_err(Error::Client)?;
        let socket = UdpSocket::bind((ADDRESS, 53)).await.map_err(Error::Dns)?;
        Ok(Self(tokio::spawn(async move {
            let mut datagram = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut datagram).await {
                reply(&client, &socket, &datagram[..length], from).await;
            }
        })))
    }
}

async fn reply(client: &Client, socket: &UdpSocket, datagram: &[u8], from: SocketAddr) {
    let Some(question) = Question::read(datagram) else {
        return;
    };
    let address = match question.service() {
        Some((name, namespace)) => address(client, name, namespace).await,
        None => None,
    };
    // Whoever asks in vain asks again.
    let _ = socket.send_to(&question.answer(address), from).await;
}

async fn address(client: &Client, name: &str, namespace: &str) -> Option<Ipv4Addr> {
    let services: Api<Service> = Api::namespaced(client.clone(), namespace);
    let service = services.get_opt(name).await.ok()??;
    service.spec?.cluster_ip?.parse().ok()
}

/// The only question of a datagram.
#[derive(Debug)]
struct Question<'a> {
    datagram: &'a [u8],
    name: String,
    /// Where it ends.
    end: usize,
    kind: u16,
}

impl<'a> Question<'a> {
    fn read(datagram: &'a [u8]) -> Option<Self> {
        let mut labels = Vec::new();
        let mut at = HEADER;
        loop {
            let length = usize::from(*datagram.get(at)?);
            if length == 0 {
                break;
            }
            let label = datagram.get(at + 1..at + 1 + length)?;
            labels.push(str::from_utf8(label).ok()?.to_lowercase());
            at += 1 + length;
        }
        let kind = datagram.get(at + 1..at + 3)?;
        datagram.get(at + 4)?;
        Some(Self {
            datagram,
            name: labels.join("."),
            end: at + 5,
            kind: u16::from_be_bytes([kind[0], kind[1]]),
        })
    }

    /// Name and namespace, if it is for a Service.
    fn service(&self) -> Option<(&str, &str)> {
        let name = self.name.strip_suffix(DOMAIN)?.strip_suffix(".svc.")?;
        name.split_once('.')
            .filter(|(_, namespace)| !namespace.contains('.'))
    }

    fn answer(&self, address: Option<Ipv4Addr>) -> Vec<u8> {
        let answer = address.filter(|_| self.kind == TYPE_A);
        let code = if address.is_some() { 0 } else { NAME_ERROR };
        let mut reply = self.datagram[..2].to_vec();
        // A final answer; one question, at most one record, nothing more.
        reply.extend([
            0x84,
            0x80 | code,
            0,
            1,
            0,
            u8::from(answer.is_some()),
            0,
            0,
            0,
            0,
        ]);
        reply.extend(&self.datagram[HEADER..self.end]);
        if let Some(address) = answer {
            // The name of the question; an address of the internet; good for 5 s; four bytes.
            reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4]);
            reply.extend(address.octets());
        }
        reply
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::Question;

    /// As a resolver asks for `metrics.pools.svc.cluster.local`.
    fn datagram(kind: u8) -> Vec<u8> {
        let mut datagram = vec![7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in ["metrics", "Pools", "svc", "cluster", "local"] {
            datagram.push(u8::try_from(label.len()).unwrap());
            datagram.extend(label.as_bytes());
        }
        datagram.extend([0, 0, kind, 0, 1]);
        datagram
    }

    #[test]
    fn a_service_is_known_by_name_and_namespace() {
        let datagram = datagram(1);
        let question = Question::read(&datagram).unwrap();
        assert_eq!(question.service(), Some(("metrics", "pools")));
        let answer = question.answer(Some(Ipv4Addr::new(10, 96, 0, 7)));
        assert_eq!(answer[..2], [7, 9]);
        assert_eq!(answer[3] & 0xf, 0);
        assert_eq!(answer[answer.len() - 4..], [10, 96, 0, 7]);
    }

    #[test]
    fn a_name_that_is_there_has_no_address_of_another_kind() {
        let datagram = datagram(28);
        let question = Question::read(&datagram).unwrap();
        let answer = question.answer(Some(Ipv4Addr::new(10, 96, 0, 7)));
        assert_eq!((answer[3] & 0xf, answer[7]), (0, 0));
    }

    #[test]
    fn what_is_no_service_is_not_there() {
        let datagram = datagram(1);
        let answer = Question::read(&datagram).unwrap().answer(None);
        assert_eq!((answer[3] & 0xf, answer[7]), (3, 0));
    }

    #[test]
    fn a_datagram_that_is_cut_off_is_no_question() {
        let datagram = datagram(1);
        for length in 0..datagram.len() {
            assert!(Question::read(&datagram[..length]).is_none(), "{length}");
        }
    }
}
