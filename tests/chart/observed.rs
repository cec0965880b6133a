//! What is measured: alerts, dashboard, runbooks.
