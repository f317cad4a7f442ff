"""Programs that are hurt, in the languages and styles in which programs come. They are copied, and never imported."""
