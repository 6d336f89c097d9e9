{% extends "plain/base.jinja" %}{% block body %}{{ super() }}+{{ pillar.only }}{% endblock %}
