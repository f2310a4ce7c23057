curl --location --request POST 'https://host.name/api/v2/groups' \
--header 'Authorization: Bearer <token>' \
--data-raw '{
"name": "Administrators",
"permissions": [
"accounts.create",
"accounts.read"
]
}'

curl --location --request GET 'https://host.name/api/v2/groups?limit=10&offset=0' \
--header 'Authorization: Bearer <token>'

curl --location --request GET 'https://host.name/api/v2/groups/1' \
--header 'Authorization: Bearer <token>'

curl --location --request PUT 'https://host.name/api/v2/groups/1' \
--header 'Authorization: Bearer <token>' \
--data-raw '{
"name": "Administrators",
"permissions": [
"accounts.create",
"accounts.read"
]
}'

curl --location --request DELETE 'https://host.name/api/v2/groups/1' \
--header 'Authorization: Bearer <token>'
