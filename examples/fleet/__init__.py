"""A fleet of tenants, refreshed by Dagster or by Airflow: docs/fleets.md leads through it."""
