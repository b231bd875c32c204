"""What reads forms and trains models: adapters of the Engine port."""
