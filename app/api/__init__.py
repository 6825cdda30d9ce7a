"""HTTP, and nothing else: what a request must look like, which operation it asks for, how it is answered."""
