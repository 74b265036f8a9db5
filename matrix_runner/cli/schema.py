"""`runner schema`: the JSON schema with which an editor completes and checks the options."""

import click


@click.command(short_help="Print a JSON schema of the options, for editors.")
@click.option("--table", is_flag=True, help="Of [tool.matrix-runner] alone, not of a whole pyproject.toml.")
def schema(*, table: bool) -> None:
    """Print a JSON schema, by which editors complete and check the options.

    It is for a whole pyproject.toml: beside this tool's table, it refers to the schema at json.schemastore.org that
    editors have for that file.

    \b
      runner schema > pyproject.schema.json
    """
    from matrix_runner.config.reference.json_schema import as_text, get_schema, whole_file

    click.echo(as_text(get_schema() if table else whole_file()), nl=False)
