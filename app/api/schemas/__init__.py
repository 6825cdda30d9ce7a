"""The shapes of requests and answers: what OpenAPI documents, and what a request is held to."""
