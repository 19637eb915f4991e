//! Start-up configurations become services.
