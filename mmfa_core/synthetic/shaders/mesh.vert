#version 330
// Places a vertex in the picture and in the light's map.
in vec3 position;      // posed, m
in vec3 normal;        // posed
in vec3 rest;          // place by which textures are drawn
in vec4 region;        // lips, inside, rim, jaw; of hair and cloth: see the fragment shader
uniform mat4 camera;
uniform mat4 light_camera;
out vec3 v_position;
out vec3 v_normal;
out vec3 v_rest;
out vec4 v_region;
out vec4 v_light;

void main() {
    v_position = position;
    v_normal = normal;
    v_rest = rest;
    v_region = region;
    v_light = light_camera * vec4(position, 1.0);
    gl_Position = camera * vec4(position, 1.0);
}
