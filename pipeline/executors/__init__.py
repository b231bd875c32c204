"""Where tasks are performed: adapters of the Executor port."""
